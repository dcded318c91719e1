// Owns counting who reads a value of a graph. It never changes a graph.
import type { NodeSpec } from '../onnx/model.ts';

/** How many inputs of nodes a value is. */
export const readersOf = (nodes: readonly NodeSpec[], value: string): number =>
  nodes.flatMap(({ inputs }) => inputs).filter((name) => name === value).length;
