/**
 * Owns what a loaded model is to its users: the one interface behind which text and sensor models run. No implementation here, so that
 * tests and the virtual-time fleet can put another one in its place.
 */
import type { Digest, Explanation, LineId, SensorManifest, TextManifest } from '@nanofleet/protocol';
import type { Scored } from './scoring.ts';

/** The answer to one sensor window: a decision with the calibrated probability of every label. */
export interface SensorScored extends Scored {
  readonly probabilities: Float32Array;
}

interface LoadedModel {
  readonly line: LineId;
  readonly version: string;
  readonly releaseCounter: number;
  /** Digest of the bundle whose very bytes were given to the session. */
  readonly digest: Digest;
  readonly labels: readonly string[];
  /** Frees the session; running calls must have ended. Without it a replaced model keeps its memory. */
  release(): Promise<void>;
}

/** A decision on a text, and what the model says of each token. */
export interface TaggedDecision {
  readonly decided: Scored;
  /** Scores of the tags of its tokens, [tokens, tags] row major; null if the model finds no entities. */
  readonly tags: Float32Array | null;
}

/** A loaded `text-intent` model. */
export interface TextRunner extends LoadedModel {
  readonly task: 'text-intent';
  readonly manifest: TextManifest;
  /** Decides on one text; rejects with `TEXT_EMPTY`, `TEXT_TOO_LARGE` or `TEXT_MALFORMED`. */
  decide(text: string): Promise<Scored>;
  /**
   * Which words and n-grams of a text decided; costs a run of the model for each of them. Rejects as `decide` does.
   * @param decided what `decide` made of the same text: it is not run again
   */
  explain(text: string, decided: Pick<Scored, 'logits'>): Promise<Explanation>;
  /** The same with what it was made of; rejects as `decide` does. */
  decideTagged(text: string): Promise<TaggedDecision>;
  /** What the layer before the head makes of a text, for learning; rejects as `decide` does. */
  penultimate(text: string): Promise<Float32Array>;
}

/** A loaded `sensor-event` model. */
export interface SensorRunner extends LoadedModel {
  readonly task: 'sensor-event';
  readonly manifest: SensorManifest;
  /** Scores one window, channel-major [channels, windowSamples] in raw units; rejects with `CHANNELS_WRONG` for another length. */
  score(window: Float32Array): Promise<SensorScored>;
}

/** Whether a model learns; one that was imported does not. */
export const isTrainable = ({ manifest }: Runner): boolean => manifest.trainable.length > 0;

/** A loaded model of any task. */
export type Runner = TextRunner | SensorRunner;
