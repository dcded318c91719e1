// Owns the losses: each takes logits [N, C] and gives a float32 scalar, the mean over the batch.
// It never makes targets: the host does (soft labels), or `oneHot` from class numbers.
import { div, mul, scale, sub } from './elementwise.ts';
import type { Value } from './graph.ts';
import { logSoftmax, reduceSum, size, softmax } from './reductions.ts';

/** Class numbers (int64 [N]) as rows of probabilities [N, classes]: 1 at the class, shared with all classes by `smoothing`. */
export function oneHot(labels: Value, classes: number, { smoothing = 0 } = {}): Value {
  const { graph } = labels;
  const values = graph.constant(
    Float32Array.of(smoothing / classes, 1 - smoothing + smoothing / classes),
    [2],
  );
  const depth = graph.constant(BigInt64Array.of(BigInt(classes)), []);
  return graph.emit({
    operator: 'OneHot',
    inputs: [labels, depth, values],
    shape: [...labels.shape, classes],
  });
}

/** Mean over the batch of -Σ target · log softmax(logits). `targets` [N, C] sum to the weight of their example, 1 if unweighted. */
export function crossEntropy(logits: Value, targets: Value): Value {
  return batchMean(scale(mul(targets, logSoftmax(logits)), -1));
}

/**
 * Mean over the batch of T² · KL(softmax(teacher / T) ‖ softmax(student / T)); T² keeps the size of the gradient
 * independent of T. No gradient flows to the teacher's logits.
 */
export function distillation(
  student: Value,
  teacher: Value,
  { temperature }: { readonly temperature: number },
): Value {
  const soft = scale(teacher, 1 / temperature);
  const gap = sub(logSoftmax(soft), logSoftmax(scale(student, 1 / temperature)));
  return scale(batchMean(mul(softmax(soft), gap)), temperature ** 2);
}

/** Sum over all elements divided by the size of axis 0. */
export function batchMean(value: Value): Value {
  return div(reduceSum(value), size(value, 0));
}
