// Owns moving a sequence along an axis whose length may be known only at run time: what convolutions over texts of
// any length are built of. It never computes.
import type { Value } from './graph.ts';

/** The largest int64: "to the end" for ONNX's Slice. */
const END = 2n ** 63n - 1n;

/** Place t of the result along `axis` is place t + `by` of `value`; places from outside are 0. */
export function shift(value: Value, by: number, axis = 0): Value {
  if (by === 0) return value;
  const { graph, shape, tracked } = value;
  const before = Math.max(-by, 0);
  const after = Math.max(by, 0);
  const axes = graph.integers([axis]);
  // Padded first: a text shorter than the shift must keep its length, too.
  const padded = graph.emit({
    operator: 'Pad',
    inputs: [value, graph.integers([before, after]), graph.scalar(0), axes],
    shape: shape.with(axis, 'padded'),
  });
  const end = graph.constant(BigInt64Array.of(before > 0 ? BigInt(-before) : END), [1]);
  const [output] = graph.emitMany(
    { operator: 'Slice', inputs: [padded, graph.integers([after]), end, axes] },
    [{ type: value.type, shape }],
    tracked,
  ) as [Value];
  if (tracked)
    graph.tape.push({ inputs: [value], output, backward: [(gradient) => shift(gradient, -by, axis)] });
  return output;
}
