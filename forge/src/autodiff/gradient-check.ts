// Owns the check of gradients against directional finite differences, run on ONNX Runtime. For tests only.
// It never looks inside the graph: it sees a loss that falls or rises as the rule says, or not.
import assert from 'node:assert/strict';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { gradients } from './gradients.ts';
import type { Graph, Value } from './graph.ts';

/** Small enough not to step over the kinks of relu and max, large enough for float32. */
const EPSILON = 2e-3;
const SESSION: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'basic',
  logSeverityLevel: 3,
};

/** A seeded source of standard normal numbers; good enough to make test inputs, not for anything else. */
export function normalNumbers(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** What `gradientErrors` needs: how to feed each input that is not a parameter, and sizes for dimensions with a name. */
export interface GradientCheck {
  readonly loss: Value;
  readonly parameters: readonly Value[];
  readonly inputs?: Readonly<Record<string, Tensor>>;
  readonly sizes?: Readonly<Record<string, number>>;
  readonly seed?: number;
}

/** For each parameter |finite difference - gradient · direction| / |gradient|, along one random direction of length 1. */
export async function gradientErrors({
  loss,
  parameters,
  inputs = {},
  sizes = {},
  seed = 1,
}: GradientCheck): Promise<number[]> {
  const next = normalNumbers(seed);
  const shapes = parameters.map((parameter) =>
    parameter.shape.map((size) => (typeof size === 'number' ? size : (sizes[size] ?? 1))),
  );
  const values = shapes.map((shape) => Float32Array.from({ length: count(shape) }, next));
  const found = gradients(loss, parameters);
  const session = await open(loss.graph, {
    loss,
    ...Object.fromEntries(found.map((gradient, index) => [`g${index}`, gradient])),
  });
  const run = async (changed: readonly Float32Array[]): Promise<InferenceSession.OnnxValueMapType> => {
    const feeds: Record<string, Tensor> = { ...inputs };
    parameters.forEach((parameter, index) => {
      feeds[parameter.name] = new Tensor(
        'float32',
        changed[index] ?? new Float32Array(),
        shapes[index] ?? [],
      );
    });
    return await session.run(
      Object.fromEntries(session.inputNames.map((name) => [name, given(feeds, name)])),
    );
  };
  const exact = await run(values);
  const errors: number[] = [];
  for (const [index, value] of values.entries()) {
    const direction = unit(Float32Array.from(value, next));
    const moved = async (step: number): Promise<number> => {
      const shifted = value.map((element, at) => element + step * (direction[at] ?? 0));
      return elements(await run(values.with(index, shifted)), 'loss')[0] ?? Number.NaN;
    };
    const difference = ((await moved(EPSILON)) - (await moved(-EPSILON))) / (2 * EPSILON);
    const gradient = elements(exact, `g${index}`);
    errors.push(
      Math.abs(difference - dot(gradient, direction)) / Math.max(Math.sqrt(dot(gradient, gradient)), 1e-3),
    );
  }
  await session.release();
  return errors;
}

async function open(graph: Graph, outputs: Readonly<Record<string, Value>>): Promise<InferenceSession> {
  return await InferenceSession.create(graph.build('check', outputs), SESSION);
}

function given(feeds: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const tensor = feeds[name];
  assert(tensor, `no value for input ${name}`);
  return tensor;
}

function elements(outputs: InferenceSession.OnnxValueMapType, name: string): Float32Array {
  const { data } = outputs[name] as Tensor;
  assert(data instanceof Float32Array);
  return data;
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function dot(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, element, at) => sum + element * (right[at] ?? 0), 0);
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector));
  return vector.map((element) => element / length);
}
