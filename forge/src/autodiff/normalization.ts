// Owns layer normalization and its gradient. It never keeps running statistics.
import { float, int } from '../onnx/attributes.ts';
import { div, mul, sub, sumTo } from './elementwise.ts';
import type { Value } from './graph.ts';
import { reduceSum, size } from './reductions.ts';

/** The epsilon that all our models use. */
const LAYER_NORM_EPSILON = 1e-5;

/** Normalizes the last axis to mean 0 and variance 1, then applies `gain` and `shift` of that axis' size. */
export function layerNorm(value: Value, gain: Value, shift: Value): Value {
  const { graph } = value;
  const statistic = { type: 'float32', shape: [...value.shape.slice(0, -1), 1] } as const;
  const inputs = [value, gain, shift];
  const [output, mean, inverseDeviation] = graph.emitMany(
    {
      operator: 'LayerNormalization',
      inputs,
      attributes: { axis: int(-1), epsilon: float(LAYER_NORM_EPSILON) },
    },
    [{ type: 'float32', shape: value.shape }, statistic, statistic],
    inputs.some((input) => input.tracked),
  ) as [Value, Value, Value];
  const normalized = (): Value => mul(sub(plain(value), plain(mean)), plain(inverseDeviation));
  graph.tape.push({
    inputs,
    output,
    backward: [
      (gradient) => byInput(mul(gradient, gain), normalized(), plain(inverseDeviation)),
      (gradient) => sumTo(mul(gradient, normalized()), gain.shape),
      (gradient) => sumTo(gradient, shift.shape),
    ],
  });
  return output;
}

// dx = (g - mean(g) - x̂ · mean(g · x̂)) / σ
function byInput(gradient: Value, normalized: Value, inverseDeviation: Value): Value {
  const mean = (value: Value): Value => div(reduceSum(value, [-1], { keep: true }), size(value, -1));
  const centred = sub(sub(gradient, mean(gradient)), mul(normalized, mean(mul(gradient, normalized))));
  return mul(centred, inverseDeviation);
}

// Backward arithmetic must not extend the tape with entries that nobody will follow.
function plain(value: Value): Value {
  return { ...value, tracked: false };
}
