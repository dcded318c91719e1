/**
 * Owns running a text graph over many texts, as makers and judges of bundles need it: logits and penultimate features as
 * copies, without a verdict. Devices decide by text-runner.ts.
 */
import { assert, type TextFeatureParameters } from '@nanofleet/protocol';
import type { InferenceSession } from 'onnxruntime-node';
import { TextFeatures } from '../text/text-features.ts';
import { Tensor } from './engine.ts';
import { openSession } from './session.ts';
import { textFeeds } from './text-input.ts';

const FETCHES = ['logits', 'penultimate'];

/** What the graph says of one text. */
export interface TextOutput {
  readonly logits: Float32Array;
  readonly penultimate: Float32Array;
  /** Whether the text holds nothing of the model's alphabet. */
  readonly isEmpty: boolean;
}

/** A text graph that runs until it is released. */
export class TextModel {
  readonly #session: InferenceSession;
  readonly #features: TextFeatures;

  private constructor(session: InferenceSession, features: TextFeatures) {
    this.#session = session;
    this.#features = features;
  }

  /** Opens a graph; @throws NanofleetError `MODEL_LOAD_FAILED` */
  static async open(graph: Uint8Array, features: TextFeatureParameters, name: string): Promise<TextModel> {
    return new TextModel(await openSession(graph, name), new TextFeatures(features));
  }

  /** Computes one text of at most TEXT_BYTES_MAX bytes. */
  async compute(text: string): Promise<TextOutput> {
    const { feeds, tokens } = textFeeds(this.#features, { text, inputs: this.#session.inputNames });
    const outputs = await this.#session.run(feeds, FETCHES);
    const { logits, penultimate } = outputs;
    return { logits: copyOf(logits), penultimate: copyOf(penultimate), isEmpty: tokens === 0 };
  }

  /** Frees the graph. */
  release(): Promise<void> {
    return this.#session.release();
  }
}

function copyOf(value: unknown): Float32Array {
  assert(value instanceof Tensor && value.data instanceof Float32Array, 'our text graphs give float32');
  return value.data.slice();
}
