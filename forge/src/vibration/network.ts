// Owns the shape of the vibration network and its float32 graphs: three strided convolutions over the raw window, mean
// and maximum over time, a linear head. Normalization is part of it: per-window mean removed (gravity, in any mounting),
// then one fixed scale; never the window's own deviation, because the strength of a vibration is what tells a fault.
import { relu, scale, sub } from '../autodiff/elementwise.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { crossEntropy } from '../autodiff/losses.ts';
import { conv1d, linear } from '../autodiff/matrix.ts';
import { adamStep } from '../autodiff/optimizer.ts';
import { maxPool, meanPool, reduceMean } from '../autodiff/reductions.ts';
import { concat } from '../autodiff/shaping.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { freshState, type ParameterState } from '../train/training-session.ts';
import { LABELS, SENSOR } from './windows.ts';

/** A convolution of the trunk: `outputs` kernels of `taps` taps over `inputs` channels. */
export interface ConvolutionShape {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly taps: number;
  readonly stride: number;
  readonly padding: number;
}

/** The trunk. 16 taps at 800 Hz see 20 ms; all three see 140 ms, three and a half revolutions. */
export const TRUNK: readonly ConvolutionShape[] = [
  { name: 'conv1', inputs: 3, outputs: 16, taps: 16, stride: 4, padding: 6 },
  { name: 'conv2', inputs: 16, outputs: 24, taps: 9, stride: 2, padding: 4 },
  { name: 'conv3', inputs: 24, outputs: 32, taps: 9, stride: 2, padding: 4 },
];
/** Penultimate features: mean and maximum of each channel. */
export const HIDDEN = 64;
/** Values are divided by this many g. */
const UNIT_G = 0.25;

const WINDOW_SHAPE = [SENSOR.channels.length, SENSOR.windowSamples] as const;

/** Outputs of the float32 network on a batch. */
export interface Traced {
  readonly activations: readonly Value[];
  readonly penultimate: Value;
  readonly logits: Value;
}

/** The network over `window` [N, 3, windowSamples] in g. */
function trace(graph: Graph, batch: number | string): Traced & { readonly parameters: Value[] } {
  const window = graph.input('window', 'float32', [batch, ...WINDOW_SHAPE]);
  const parameters: Value[] = [];
  const parameter = (name: string, shape: number[]): Value => {
    const value = graph.parameter(name, shape);
    parameters.push(value);
    return value;
  };
  let activation = normalized(window);
  const activations = [activation];
  for (const { name, inputs, outputs, taps, stride, padding } of TRUNK) {
    const weight = parameter(`${name}.weight`, [outputs, inputs, taps]);
    activation = relu(conv1d(activation, weight, parameter(`${name}.bias`, [outputs]), { stride, padding }));
    activations.push(activation);
  }
  const penultimate = concat([meanPool(activation), maxPool(activation)], 1);
  const logits = linear(
    penultimate,
    parameter('head.weight', [HIDDEN, LABELS.length]),
    parameter('head.bias', [LABELS.length]),
  );
  return { activations, penultimate, logits, parameters };
}

/** Removes the mean of each channel and brings the rest to the size of 1. */
export function normalized(window: Value): Value {
  return scale(sub(window, reduceMean(window, [-1], { keep: true })), 1 / UNIT_G);
}

/** The training step: batch `window` [N, …] and `targets` [N, labels]. */
export function trainingGraph(): Uint8Array {
  const graph = new Graph();
  const { logits, parameters } = trace(graph, 'N');
  const loss = crossEntropy(logits, graph.input('targets', 'float32', ['N', LABELS.length]));
  return graph.build('train-step', adamStep(loss, parameters, { weightDecay: 1e-3 }));
}

/** The float32 network with the activations between the layers, for evaluation and for the ranges of quantization. */
export function floatGraph(): Uint8Array {
  const graph = new Graph();
  const { logits, penultimate, activations } = trace(graph, 'N');
  const named = Object.fromEntries(activations.map((value, at) => [`activation${at}`, value]));
  return graph.build('infer-float32', { logits, penultimate, ...named });
}

/** Parameters before training: normal numbers of variance 2 / fan-in for what a rectifier follows, 1 / fan-in for the head. */
export function initialParameters(random: SeededRandom): Map<string, ParameterState> {
  const drawn = (shape: number[], deviation: number): ParameterState =>
    freshState({
      shape,
      elements: Float32Array.from(
        { length: shape.reduce((a, b) => a * b, 1) },
        () => deviation * random.normal(),
      ),
    });
  const state = new Map<string, ParameterState>();
  for (const { name, inputs, outputs, taps } of TRUNK) {
    state.set(`${name}.weight`, drawn([outputs, inputs, taps], Math.sqrt(2 / (inputs * taps))));
    state.set(`${name}.bias`, drawn([outputs], 0));
  }
  state.set('head.weight', drawn([HIDDEN, LABELS.length], Math.sqrt(1 / HIDDEN)));
  state.set('head.bias', drawn([LABELS.length], 0));
  return state;
}
