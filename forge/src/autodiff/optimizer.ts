// Owns the optimizer as part of a graph: forward, backward and the update of every parameter in one ONNX file.
// It is stateless: parameters and moments are inputs and outputs, the learning rate is an input, so the host keeps
// the schedule. The host must never give one buffer as input and output: ONNX Runtime then computes garbage silently.
import assert from 'node:assert/strict';
import { add, div, mul, scale, sqrt, sub } from './elementwise.ts';
import { gradients } from './gradients.ts';
import type { Value } from './graph.ts';

/** Adam's settings; defaults are the customary ones. Weight decay is decoupled (AdamW). */
export interface AdamOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
  /** Parameters that are not decayed: norms, biases and embedding rows. Default: all of fewer than two dimensions. */
  readonly undecayed?: readonly Value[];
  /** Inputs whose gradients the host fetches and applies by itself, each as output `NAME:gradient`. */
  readonly fetched?: readonly Value[];
}

/** Names by which the host feeds and fetches one parameter of a training graph. */
export interface StepNames {
  readonly parameter: string;
  readonly firstMoment: string;
  readonly secondMoment: string;
  readonly newParameter: string;
  readonly newFirstMoment: string;
  readonly newSecondMoment: string;
}

/** The input that carries the learning rate of a step, a float32 scalar. For Adam: with the bias correction, see `correctedRate`. */
export const LEARNING_RATE_INPUT = 'learningRate';
/** The output that carries the loss of a step, a float32 scalar. */
export const LOSS_OUTPUT = 'loss';

/** The names of a parameter's ports in every training graph of this project. */
export function stepNames(parameter: string): StepNames {
  return {
    parameter,
    firstMoment: `${parameter}:m`,
    secondMoment: `${parameter}:v`,
    newParameter: `${parameter}:next`,
    newFirstMoment: `${parameter}:m:next`,
    newSecondMoment: `${parameter}:v:next`,
  };
}

/** The output that carries the gradient of an input that the host trains. */
export const gradientName = (input: string): string => `${input}:gradient`;

/** Adam's learning rate with the bias correction of step `step` (from 1) folded in. */
export function correctedRate(
  rate: number,
  step: number,
  { beta1 = 0.9, beta2 = 0.999 }: AdamOptions = {},
): number {
  return (rate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
}

/** Adds backward pass and AdamW to the graph of `loss`; the result holds the outputs to build the training graph with. */
export function adamStep(
  loss: Value,
  parameters: readonly Value[],
  options: AdamOptions = {},
): Record<string, Value> {
  const rate = loss.graph.input(LEARNING_RATE_INPUT, 'float32', []);
  const undecayed = options.undecayed ?? parameters.filter((parameter) => parameter.shape.length < 2);
  const outputs: Record<string, Value> = { [LOSS_OUTPUT]: loss };
  const fetched = options.fetched ?? [];
  const found = gradients(loss, [...parameters, ...fetched]);
  fetched.forEach((input, index) => {
    const gradient = found[parameters.length + index];
    assert(gradient);
    outputs[gradientName(input.name)] = gradient;
  });
  parameters.forEach((parameter, index) => {
    const gradient = found[index];
    assert(gradient);
    const weightDecay = undecayed.includes(parameter) ? 0 : (options.weightDecay ?? 0);
    Object.assign(outputs, adam(parameter, gradient, rate, { ...options, weightDecay }));
  });
  return outputs;
}

function adam(parameter: Value, gradient: Value, rate: Value, options: AdamOptions): Record<string, Value> {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  const { graph, shape } = parameter;
  const names = stepNames(parameter.name);
  const first = graph.input(names.firstMoment, 'float32', shape);
  const second = graph.input(names.secondMoment, 'float32', shape);
  const newFirst = add(scale(first, beta1), scale(gradient, 1 - beta1));
  const newSecond = add(scale(second, beta2), scale(mul(gradient, gradient), 1 - beta2));
  const move = mul(rate, div(newFirst, add(sqrt(newSecond), graph.scalar(epsilon))));
  const kept = weightDecay === 0 ? parameter : mul(parameter, sub(graph.scalar(1), scale(rate, weightDecay)));
  return {
    [names.newParameter]: sub(kept, move),
    [names.newFirstMoment]: newFirst,
    [names.newSecondMoment]: newSecond,
  };
}

/** Adds backward pass and plain gradient descent: no moments, so a device keeps nothing but the parameters. */
export function descentStep(loss: Value, parameters: readonly Value[]): Record<string, Value> {
  const rate = loss.graph.input(LEARNING_RATE_INPUT, 'float32', []);
  const found = gradients(loss, parameters);
  const outputs: Record<string, Value> = { [LOSS_OUTPUT]: loss };
  parameters.forEach((parameter, index) => {
    const gradient = found[index];
    assert(gradient);
    outputs[stepNames(parameter.name).newParameter] = sub(parameter, mul(rate, gradient));
  });
  return outputs;
}
