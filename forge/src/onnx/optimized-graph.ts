// Owns looking at a graph as ONNX Runtime runs it, to see what it fused: a missed fusion costs 2 to 29 times the time without an error.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fieldsOf, listInitializers } from '@nanofleet/runtime';
import { InferenceSession } from 'onnxruntime-node';
import { SINGLE_THREAD } from '../train/training-session.ts';

/** A node of an optimized graph. */
export interface OptimizedNode {
  readonly operator: string;
  readonly inputs: readonly string[];
}

/** Nodes and initializers of a graph after every optimization, by the field numbers of onnx.proto3. */
export async function optimizedGraph(graph: Uint8Array) {
  const directory = await mkdtemp(join(tmpdir(), 'forge-'));
  const path = join(directory, 'optimized.onnx');
  const options = { ...SINGLE_THREAD, graphOptimizationLevel: 'all', optimizedModelFilePath: path } as const;
  await (await InferenceSession.create(graph, options)).release();
  const bytes = await readFile(path);
  await rm(directory, { recursive: true });
  const inner = (message: Uint8Array, number: number): Uint8Array[] =>
    Array.from(fieldsOf(message)).flatMap((field) => (field.number === number ? [field.bytes] : []));
  const texts = (message: Uint8Array, number: number): string[] =>
    inner(message, number).map((text) => new TextDecoder().decode(text));
  const nodes = inner(bytes, 7).flatMap((found) => inner(found, 1));
  return {
    nodes: nodes.map(
      (node): OptimizedNode => ({ operator: texts(node, 4)[0] ?? '', inputs: texts(node, 1) }),
    ),
    initializers: new Map(listInitializers(bytes).map((one) => [one.name, one])),
  };
}

/** The operators of a graph after every optimization. */
export const optimizedOperators = async (graph: Uint8Array): Promise<string[]> =>
  (await optimizedGraph(graph)).nodes.map(({ operator }) => operator);
