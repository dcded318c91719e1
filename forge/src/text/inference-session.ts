// Owns running a text graph for devices over many texts, as the maker of a bundle needs it: logits and penultimate
// features as copies. It never scores them.

import assert from 'node:assert/strict';
import { TextFeatures } from '@nanofleet/runtime';
import { openSession } from '@nanofleet/runtime/node';
import { Tensor } from 'onnxruntime-node';
import type { InferenceGraph } from './inference-graph.ts';

/** What the graph says of one text. */
export interface TextOutput {
  readonly logits: Float32Array;
  readonly penultimate: Float32Array;
}

/** Runs `use` with a function that computes one text; the session is released afterwards. */
export async function withInference<T>(
  graph: InferenceGraph,
  use: (compute: (text: string) => Promise<TextOutput>) => Promise<T>,
): Promise<T> {
  const session = await openSession(graph.bytes, 'a new bundle');
  const features = new TextFeatures(graph.features);
  try {
    return await use(async (text) => {
      const { rows } = features.of(text);
      const outputs = await session.run({ rows: new Tensor('int32', rows, [rows.length]) });
      return { logits: copyOf(outputs['logits']), penultimate: copyOf(outputs['penultimate']) };
    });
  } finally {
    await session.release();
  }
}

function copyOf(value: unknown): Float32Array {
  assert(value instanceof Tensor && value.data instanceof Float32Array);
  return value.data.slice();
}
