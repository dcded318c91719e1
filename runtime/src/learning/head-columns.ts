/**
 * Owns which columns of a head a round trains and sends. A round that adds labels trains their columns alone: old columns do not move,
 * so an update that carried them would be sixteen times as long for ten labels beside 150, nearly all of it zeros. Pure.
 */
import { assert, NanofleetError } from '@nanofleet/protocol';
import { HEAD_TENSORS, type Head } from './head.ts';

/** Names of the trained tensors of a round that adds labels: the columns of those labels, in the order of plans and updates. */
export const ADDED_TENSORS = ['head.weight.added', 'head.bias.added'] as const;

/** The tensors that a round trains. @param added how many labels it adds to those of its base */
export const tensorsOfRound = (added: number): readonly string[] =>
  added > 0 ? ADDED_TENSORS : HEAD_TENSORS;

/** Elements of each tensor of a round, in the plan's order. @param head of all labels, the added ones last */
export const elementsOfRound = (
  { width, classes }: Pick<Head, 'width' | 'classes'>,
  added: number,
): number[] => {
  const columns = added > 0 ? added : classes;
  return [width * columns, columns];
};

/**
 * The first column that a plan's tensors hold; the columns before it are not trained.
 * @param options.classes of the head with all labels
 * @throws NanofleetError `GRAPH_UNSUPPORTED` for tensors that are none of ours
 */
export function firstColumnOf(
  tensors: readonly string[],
  { classes, added }: { classes: number; added: number },
): number {
  const isOneOf = (names: readonly string[]): boolean => names.join() === tensors.join();
  if (isOneOf(HEAD_TENSORS)) return 0;
  if (isOneOf(ADDED_TENSORS) && added > 0) return classes - added;
  throw new NanofleetError(
    'GRAPH_UNSUPPORTED',
    `A round with the tensors ${tensors.join(', ')} and ${added} added labels cannot be trained here.`,
  );
}

/** The columns of a head from one on, as a head of their own; the head itself from column 0. */
export function columnsFrom(head: Head, first: number): Head {
  assert(first >= 0 && first < head.classes, 'a column of the head');
  if (first === 0) return head;
  const { width } = head;
  const classes = head.classes - first;
  const weight = new Float32Array(width * classes);
  for (let row = 0; row < width; row += 1)
    weight.set(head.weight.subarray(row * head.classes + first, (row + 1) * head.classes), row * classes);
  return { width, classes, weight, bias: head.bias.slice(first) };
}

/** The head with a step added to its last columns, as many as the step has. @param step weights and biases, as in an update */
export function headPlus(head: Head, [weights, biases]: readonly Float32Array[]): Head {
  assert(weights !== undefined && biases !== undefined, 'a step has weights and biases');
  const columns = biases.length;
  const first = head.classes - columns;
  assert(first >= 0 && weights.length === head.width * columns, 'a step of columns of the head');
  const weight = head.weight.slice();
  const bias = head.bias.slice();
  for (let column = 0; column < columns; column += 1) {
    bias[first + column] = (bias[first + column] ?? 0) + (biases[column] ?? 0);
    for (let row = 0; row < head.width; row += 1) {
      const at = row * head.classes + first + column;
      weight[at] = (weight[at] ?? 0) + (weights[row * columns + column] ?? 0);
    }
  }
  return { ...head, weight, bias };
}
