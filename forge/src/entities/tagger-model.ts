// Owns running a tagger's graph for devices over many texts, as the maker of a bundle needs it: outputs as copies, without a
// verdict. Devices decide by the runtime's text runner.
import assert from 'node:assert/strict';
import { TextFeatures } from '@nanofleet/runtime';
import { feedsTogether, openSession } from '@nanofleet/runtime/node';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { TaggerOutput } from './tagger-evaluation.ts';
import type { TaggerInferenceGraph } from './tagger-inference-graph.ts';

/** An open graph. */
export class TaggerModel {
  readonly #session: InferenceSession;
  readonly #features: TextFeatures;
  readonly #tokensMax: number;

  private constructor(session: InferenceSession, features: TextFeatures, tokensMax: number) {
    this.#session = session;
    this.#features = features;
    this.#tokensMax = tokensMax;
  }

  /** Opens a graph; @throws NanofleetError `MODEL_LOAD_FAILED` */
  static async open(graph: TaggerInferenceGraph, tokensMax: number): Promise<TaggerModel> {
    const session = await openSession(graph.bytes, 'a new bundle');
    return new TaggerModel(session, new TextFeatures(graph.features), tokensMax);
  }

  /** Computes one text. */
  async compute(text: string): Promise<TaggerOutput & { readonly penultimate: Float32Array }> {
    const seen = this.#features.withTokens(text);
    const output = await this.#session.run(feedsTogether([seen], this.#tokensMax));
    return {
      logits: copyOf(output['logits']),
      penultimate: copyOf(output['penultimate']),
      tags: copyOf(output['tags']),
      bounds: seen.bounds,
    };
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
