// Owns the shape of networks over windows of samples and their float32 graphs: strided convolutions over time, mean and maximum
// over time, a linear head. Normalization is part of the graph: each channel divided by its unit, its own mean removed first
// where only the alternating part counts; never the window's own deviation, because the strength of a signal tells much.
import { dropout, mul, relu, sub } from '../autodiff/elementwise.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { crossEntropy } from '../autodiff/losses.ts';
import { conv1d, depthwiseConv1d, linear } from '../autodiff/matrix.ts';
import { adamStep } from '../autodiff/optimizer.ts';
import { maxPool, meanPool, reduceMean } from '../autodiff/reductions.ts';
import { concat } from '../autodiff/shaping.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { freshState, type ParameterState } from '../train/training-session.ts';

/** A convolution over time: `outputs` kernels of `taps` taps, or, if `depthwise`, one kernel for each channel and no rectifier. */
export interface ConvolutionShape {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly taps: number;
  readonly stride: number;
  readonly padding: number;
  readonly depthwise: boolean;
}

/** A network over windows. */
export interface SensorShape {
  readonly channels: number;
  readonly windowSamples: number;
  /** What each channel is divided by: about the deviation of its values. */
  readonly units: readonly number[];
  /** Whether each channel's mean over the window is removed, such as gravity in any mounting. */
  readonly removesMean: boolean;
  readonly convolutions: readonly ConvolutionShape[];
  readonly classes: number;
}

/** A convolution as recipes spell it. */
export interface ConvolutionSettings {
  readonly outputs: number;
  readonly taps: number;
  readonly stride: number;
  /** Zeros on both ends; half of the taps by default. */
  readonly padding?: number | undefined;
  /** Split into a depthwise convolution over time and one over channels. */
  readonly separable?: boolean;
}

/** The convolutions that settings spell, one after the other, named conv1, conv2 … */
export function convolutionsOf(
  channels: number,
  settings: readonly ConvolutionSettings[],
): ConvolutionShape[] {
  const shapes: ConvolutionShape[] = [];
  let inputs = channels;
  const add = (shape: Omit<ConvolutionShape, 'name' | 'inputs'>): void => {
    shapes.push({ name: `conv${shapes.length + 1}`, inputs, ...shape });
    inputs = shape.outputs;
  };
  for (const { outputs, taps, stride, separable = false, padding = (taps - 1) >> 1 } of settings) {
    if (separable) add({ outputs: inputs, taps, stride, padding, depthwise: true });
    const own = separable ? { taps: 1, stride: 1, padding: 0 } : { taps, stride, padding };
    add({ outputs, ...own, depthwise: false });
  }
  return shapes;
}

/** Penultimate features: mean and maximum of each channel of the last convolution. */
export const penultimateWidth = ({ convolutions, channels }: SensorShape): number =>
  2 * (convolutions.at(-1)?.outputs ?? channels);

/** Dimensions of a convolution's kernels, [outputs, inputs of each, taps]. */
export const kernelShape = ({ inputs, outputs, taps, depthwise }: ConvolutionShape): number[] => [
  outputs,
  depthwise ? 1 : inputs,
  taps,
];

/** Trained parameters by name. */
export type SensorParameters = ReadonlyMap<string, ParameterState>;

interface Traced {
  /** What enters the first convolution, then what leaves each. */
  readonly activations: readonly Value[];
  readonly penultimate: Value;
  readonly logits: Value;
  readonly parameters: readonly Value[];
}

/** The input of the training graph [N, P] that keeps or drops penultimate features. */
export const MASK = 'mask';

function trace(graph: Graph, shape: SensorShape, { isTraining }: { readonly isTraining: boolean }): Traced {
  const window = graph.input('window', 'float32', ['N', shape.channels, shape.windowSamples]);
  const parameters: Value[] = [];
  const parameter = (name: string, dimensions: readonly number[]): Value => {
    const value = graph.parameter(name, [...dimensions]);
    parameters.push(value);
    return value;
  };
  let activation = normalized(window, shape);
  const activations = [activation];
  for (const convolution of shape.convolutions) {
    const { name, outputs, stride, padding, depthwise } = convolution;
    const weight = parameter(`${name}.weight`, kernelShape(convolution));
    const bias = parameter(`${name}.bias`, [outputs]);
    activation = depthwise
      ? depthwiseConv1d(activation, weight, bias, { stride, padding })
      : relu(conv1d(activation, weight, bias, { stride, padding }));
    activations.push(activation);
  }
  const penultimate = concat([meanPool(activation), maxPool(activation)], 1);
  const width = penultimateWidth(shape);
  const kept = isTraining ? dropout(penultimate, graph.input(MASK, 'float32', ['N', width])) : penultimate;
  const weight = parameter('head.weight', [width, shape.classes]);
  const logits = linear(kept, weight, parameter('head.bias', [shape.classes]));
  return { activations, penultimate, logits, parameters };
}

/** Brings each channel to the size of 1, without its mean if the shape says so. */
export function normalized(window: Value, { units, removesMean }: SensorShape): Value {
  const factors = Float32Array.from(units, (unit) => 1 / unit);
  const centred = removesMean ? sub(window, reduceMean(window, [-1], { keep: true })) : window;
  return mul(centred, window.graph.constant(factors, [1, units.length, 1]));
}

/** The training step over batches of `window` [N, channels, samples] and `targets` [N, classes]. */
export function trainingGraph(shape: SensorShape, weightDecay: number): Uint8Array {
  const graph = new Graph();
  const { logits, parameters } = trace(graph, shape, { isTraining: true });
  const loss = crossEntropy(logits, graph.input('targets', 'float32', ['N', shape.classes]));
  return graph.build('train-step', adamStep(loss, parameters, { weightDecay }));
}

/** The float32 network with the activations between the layers, for evaluation and for the ranges of quantization. */
export function floatGraph(shape: SensorShape): Uint8Array {
  const graph = new Graph();
  const { logits, penultimate, activations } = trace(graph, shape, { isTraining: false });
  const named = Object.fromEntries(activations.map((value, at) => [`activation${at}`, value]));
  return graph.build('infer-float32', { logits, penultimate, ...named });
}

/** Parameters before training: normal numbers of variance 2 / fan-in for what a rectifier follows, 1 / fan-in for the rest. */
export function initialParameters(shape: SensorShape, random: SeededRandom): Map<string, ParameterState> {
  const drawn = (dimensions: readonly number[], deviation: number): ParameterState =>
    freshState({
      shape: dimensions,
      elements: Float32Array.from(
        { length: dimensions.reduce((a, b) => a * b, 1) },
        () => deviation * random.normal(),
      ),
    });
  const state = new Map<string, ParameterState>();
  for (const convolution of shape.convolutions) {
    const { name, outputs, depthwise } = convolution;
    const dimensions = kernelShape(convolution);
    const fanIn = (dimensions[1] ?? 1) * (dimensions[2] ?? 1);
    state.set(`${name}.weight`, drawn(dimensions, Math.sqrt((depthwise ? 1 : 2) / fanIn)));
    state.set(`${name}.bias`, drawn([outputs], 0));
  }
  const width = penultimateWidth(shape);
  state.set('head.weight', drawn([width, shape.classes], Math.sqrt(1 / width)));
  state.set('head.bias', drawn([shape.classes], 0));
  return state;
}
