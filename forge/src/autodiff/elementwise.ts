// Owns the elementwise operators and their gradients, broadcasting included.
// It never looks at the meaning of a dimension.
import type { Backward, Shape, Value } from './graph.ts';
import { broadcastShape } from './shape.ts';

/** left + right, broadcast. */
export function add(left: Value, right: Value): Value {
  return binary('Add', left, right, [(gradient) => gradient, (gradient) => gradient]);
}

/** left - right, broadcast. */
export function sub(left: Value, right: Value): Value {
  return binary('Sub', left, right, [(gradient) => gradient, neg]);
}

/** left * right, broadcast. */
export function mul(left: Value, right: Value): Value {
  return binary('Mul', left, right, [(gradient) => mul(gradient, right), (gradient) => mul(gradient, left)]);
}

/** left / right, broadcast. */
export function div(left: Value, right: Value): Value {
  const byRight: Backward = (gradient) => neg(div(mul(gradient, left), mul(right, right)));
  return binary('Div', left, right, [(gradient) => div(gradient, right), byRight]);
}

/** value * factor, with a constant factor. */
export function scale(value: Value, factor: number): Value {
  return mul(value, value.graph.scalar(factor));
}

/** -value. */
function neg(value: Value): Value {
  return unary('Neg', value, (gradient) => neg(gradient));
}

/** max(value, 0); the gradient at 0 is 0. */
export function relu(value: Value): Value {
  // Sign of the output, not of the input: one tensor less to keep.
  const output = unary('Relu', value, (gradient) => mul(gradient, sign(output)));
  return output;
}

/** value * Φ(value), the exact form with the error function. */
export function gelu(value: Value): Value {
  const { graph } = value;
  const distribution = scale(add(erf(scale(value, Math.SQRT1_2)), graph.scalar(1)), 0.5);
  return mul(value, distribution);
}

/** The error function. */
function erf(value: Value): Value {
  const slope = 2 / Math.sqrt(Math.PI);
  return unary('Erf', value, (gradient) => mul(gradient, scale(exp(neg(mul(value, value))), slope)));
}

/** 1 / (1 + e^-value). */
export function sigmoid(value: Value): Value {
  const output = unary('Sigmoid', value, (gradient) =>
    mul(gradient, mul(output, sub(value.graph.scalar(1), output))),
  );
  return output;
}

/** Hyperbolic tangent. */
export function tanh(value: Value): Value {
  const output = unary('Tanh', value, (gradient) =>
    mul(gradient, sub(value.graph.scalar(1), mul(output, output))),
  );
  return output;
}

/** Square root; the gradient at 0 is infinite. */
export function sqrt(value: Value): Value {
  const output = unary('Sqrt', value, (gradient) => div(scale(gradient, 0.5), output));
  return output;
}

/** e^value. */
export function exp(value: Value): Value {
  const output = unary('Exp', value, (gradient) => mul(gradient, output));
  return output;
}

/** Natural logarithm. */
export function log(value: Value): Value {
  return unary('Log', value, (gradient) => div(gradient, value));
}

/**
 * value * mask: the mask is an input that the host fills with 0 and 1 / keep share, so that the graph stays free of
 * randomness and a run can be repeated bit by bit.
 */
export function dropout(value: Value, mask: Value): Value {
  return mul(value, mask);
}

/** Sums a gradient over the axes that broadcasting added or stretched, so that it gets the shape of the operand. */
export function sumTo(gradient: Value, shape: Shape): Value {
  const added = gradient.shape.length - shape.length;
  const lead = sumAxes(gradient, range(added), false);
  const stretched = range(shape.length).filter((axis) => shape[axis] === 1 && lead.shape[axis] !== 1);
  return sumAxes(lead, stretched, true);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

// A plain ReduceSum without a rule: gradients of gradients are not needed.
function sumAxes(value: Value, axes: readonly number[], keep: boolean): Value {
  if (axes.length === 0) return value;
  const kept = value.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return value.graph.emit({
    operator: 'ReduceSum',
    inputs: [value, value.graph.integers(axes)],
    shape: keep ? kept : value.shape.filter((_, axis) => !axes.includes(axis)),
    attributes: { keepdims: { kind: 'int', value: keep ? 1 : 0 } },
  });
}

function sign(value: Value): Value {
  return value.graph.emit({ operator: 'Sign', inputs: [value], shape: value.shape });
}

function unary(operator: string, value: Value, backward: Backward): Value {
  return value.graph.emit({ operator, inputs: [value], shape: value.shape, backward: [backward] });
}

function binary(operator: string, left: Value, right: Value, rules: readonly [Backward, Backward]): Value {
  return left.graph.emit({
    operator,
    inputs: [left, right],
    shape: broadcastShape(left.shape, right.shape),
    backward: [
      (gradient) => sumTo(rules[0](gradient), left.shape),
      (gradient) => sumTo(rules[1](gradient), right.shape),
    ],
  });
}
