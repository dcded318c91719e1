// Owns the training step that travels with a bundle: the head alone, over penultimate features. It is small (no weight
// is in the file), and the count of classes is open, so that a round can add labels.
import { Graph } from '../autodiff/graph.ts';
import { crossEntropy } from '../autodiff/losses.ts';
import { linear } from '../autodiff/matrix.ts';
import { adamStep } from '../autodiff/optimizer.ts';

/**
 * The training step of a head `head.weight` [hidden, C], `head.bias` [C]. Feeds: `penultimate` [N, hidden], `targets` [N, C]
 * (probabilities; a row's sum is its weight), the parameters with `:m` and `:v`, `learningRate` (see `correctedRate`).
 * Outputs: `loss`, and `:next`, `:m:next`, `:v:next` of each parameter.
 */
export function headTrainingGraph(hidden: number): Uint8Array {
  const graph = new Graph();
  const weight = graph.parameter('head.weight', [hidden, 'C']);
  const bias = graph.parameter('head.bias', ['C']);
  const logits = linear(graph.input('penultimate', 'float32', ['N', hidden]), weight, bias);
  const loss = crossEntropy(logits, graph.input('targets', 'float32', ['N', 'C']));
  return graph.build('head-train-step', adamStep(loss, [weight, bias]));
}

/** The head as manifests list what can be trained. */
export const trainableHead = ({ hidden, classes }: { readonly hidden: number; readonly classes: number }) => [
  { name: 'head.weight', shape: [hidden, classes] },
  { name: 'head.bias', shape: [classes] },
];
