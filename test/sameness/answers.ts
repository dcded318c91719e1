// From a question to the answer that a device gives, over any engine that runs the graph: features, feeds, scoring and entities are the
// product's. It never compares.
import type { FoundEntity, HashedTextManifest, SensorManifest } from '@nanofleet/protocol';
import {
  decodeWindow,
  entitiesOf,
  nothingScored,
  type Scored,
  scoreLogits,
  TextFeatures,
  transitionsOf,
} from '@nanofleet/runtime';
import { type CheckedBundle, rowFeeds, textManifestOf, tokenFeeds } from '@nanofleet/runtime/node';
import { Tensor } from 'onnxruntime-node';
import type { Question } from './questions.ts';

/** A graph that an engine holds. */
export interface RunningGraph {
  /** Runs it once; the named outputs as copies. */
  run(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Float32Array[]>;
  release(): Promise<void>;
}

/** An engine. */
export type OpenGraph = (graph: Uint8Array) => Promise<RunningGraph>;

/** What a device answers, and the scores behind it. Numbers survive JSON unchanged. */
export interface Answer {
  readonly label: string;
  readonly verdict: Scored['verdict'];
  readonly confidence: number;
  readonly outOfScope: number;
  readonly logits: readonly number[];
  /** Scores of the tags, [tokens, tags]; absent where the bundle finds no entities. */
  readonly tags?: readonly number[];
  readonly entities?: readonly FoundEntity[];
}

/** Answers of a bundle: its own graph, and the one whose weights are stretched to eight bits. */
export type AnswerPair = readonly [own: readonly Answer[], stretched: readonly Answer[]];

/** The answers of a bundle whose graph is this one. */
export async function answersOf(
  bundle: CheckedBundle,
  {
    graph,
    open,
    questions,
  }: { readonly graph: Uint8Array; readonly open: OpenGraph; readonly questions: readonly Question[] },
): Promise<Answer[]> {
  const { manifest } = bundle;
  const running = await open(graph);
  try {
    const answer =
      manifest.task === 'sensor-event'
        ? windowAnswerer(manifest, running)
        : textAnswerer(textManifestOf(bundle), running);
    const answers: Answer[] = [];
    for (const question of questions) answers.push(await answer(question));
    return answers;
  } finally {
    await running.release();
  }
}

type Answerer = (question: Question) => Promise<Answer>;

const scoringOf = ({ calibration, labels, thresholds }: HashedTextManifest | SensorManifest) => ({
  calibration,
  thresholds,
  labels: labels.names,
});

const plain = ({ confidence, label, logits, outOfScope, verdict }: Scored): Answer => ({
  label,
  verdict,
  confidence,
  outOfScope,
  logits: Array.from(logits),
});

const NOTHING = new Float32Array();

function windowAnswerer(manifest: SensorManifest, running: RunningGraph): Answerer {
  const { channels, windowSamples } = manifest.sensor;
  return async (question) => {
    const window = decodeWindow('window' in question ? question.window : '');
    const feeds = { window: new Tensor('float32', window, [1, channels.length, windowSamples]) };
    const [logits = NOTHING] = await running.run(feeds, ['logits']);
    return plain(scoreLogits(logits, scoringOf(manifest)));
  };
}

function textAnswerer(manifest: HashedTextManifest, running: RunningGraph): Answerer {
  const features = new TextFeatures(manifest.text);
  const { entities: tagging } = manifest;
  const scored = (logits: Float32Array, tokens: number): Answer =>
    plain((tokens === 0 ? nothingScored : scoreLogits)(logits, scoringOf(manifest)));
  if (tagging === undefined) {
    return async (question) => {
      const { rows, tokens } = features.of(textOf(question));
      const [logits = NOTHING] = await running.run(rowFeeds(rows), ['logits']);
      return scored(logits, tokens);
    };
  }
  const { tokensMax, transitions, types } = tagging;
  const inputs = manifest.inputs.map(({ name }) => name);
  const costs = transitions === undefined ? undefined : transitionsOf(Buffer.from(transitions, 'base64'));
  return async (question) => {
    const text = textOf(question);
    const seen = features.withTokens(text);
    const outputs = await running.run(tokenFeeds(seen, { tokensMax, inputs }), ['logits', 'tags']);
    const [logits = NOTHING, tags = NOTHING] = outputs;
    const entities = entitiesOf(tags, { text, bounds: seen.bounds, types, transitions: costs });
    return { ...scored(logits, seen.tokens), tags: Array.from(tags), entities };
  };
}

const textOf = (question: Question): string => ('text' in question ? question.text : '');
