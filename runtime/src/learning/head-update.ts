/**
 * Owns what leaves a device after training: the difference to the start, clipped as a whole, as int8 codes rounded by chance so that
 * their mean is right. What rounding lost stays here and goes into the next update (error feedback, Seide et al. 2014). Pure.
 */
import { assert, NanofleetError, type UpdateTensor } from '@nanofleet/protocol';
import type { Head } from './head.ts';

const CODE_MAX = 127;

/** Differences of the trained tensors, in the order of `HEAD_TENSORS`. */
export type HeadDifference = readonly Float32Array[];

/** trained − start, per tensor. Both have the same sizes. */
export function differenceOf(trained: Head, start: Head): HeadDifference {
  assert(trained.width === start.width && trained.classes === start.classes, 'heads of the same size');
  const less = (left: Float32Array, right: Float32Array): Float32Array =>
    left.map((value, at) => value - (right[at] ?? 0));
  return [less(trained.weight, start.weight), less(trained.bias, start.bias)];
}

/** L2 norm over all tensors. */
export function normOf(difference: HeadDifference): number {
  let sum = 0;
  for (const tensor of difference) for (const value of tensor) sum += value * value;
  return Math.sqrt(sum);
}

/** An update that is ready to be sent, and what it does not say. */
export interface QuantizedDifference {
  readonly tensors: readonly UpdateTensor[];
  /** What rounding lost; to be added to the next difference on the same base. */
  readonly residue: HeadDifference;
  /** Norm of the difference before it was clipped. */
  readonly norm: number;
}

/**
 * Clips and quantizes a difference; the values that its codes stand for have a norm of at most `clipNorm`, too.
 * @param options.residue what earlier updates on this base did not say; of other sizes or left out: nothing
 * @param options.share chance, from 0 up to 1
 * @throws NanofleetError `UPDATE_NOT_FINITE`
 */
export function quantizeDifference(
  difference: HeadDifference,
  options: { clipNorm: number; residue?: HeadDifference | undefined; share: () => number },
): QuantizedDifference {
  const { clipNorm, residue, share } = options;
  const whole = difference.map((tensor, index) => withResidue(tensor, residue?.[index]));
  const norm = normOf(whole);
  if (!Number.isFinite(norm)) throw notFinite();
  const clipped = scaledBy(whole, norm > clipNorm ? clipNorm / norm : 1);
  const rounded = clipped.map((tensor) => roundByChance(tensor, share));
  // Rounding makes a vector longer by its noise; the scales take it back below the norm.
  const roundedNorm = normOf(rounded.map(valuesOf));
  const back = roundedNorm > clipNorm ? (clipNorm / roundedNorm) * (1 - 1e-6) : 1;
  const tensors = rounded.map(({ scale, codes }) => ({ scale: Math.fround(scale * back), codes }));
  return { tensors, norm, residue: leftOf(clipped, tensors) };
}

const withResidue = (tensor: Float32Array, residue: Float32Array | undefined): Float32Array =>
  residue === undefined || residue.length !== tensor.length
    ? tensor
    : tensor.map((value, at) => value + (residue[at] ?? 0));

const scaledBy = (tensors: HeadDifference, factor: number): HeadDifference =>
  factor === 1 ? tensors : tensors.map((tensor) => tensor.map((value) => value * factor));

/** Codes whose expected value is the value itself. */
function roundByChance(tensor: Float32Array, share: () => number): UpdateTensor {
  const highest = tensor.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = Math.fround(highest / CODE_MAX);
  if (scale === 0) return { scale: 1, codes: new Int8Array(tensor.length) };
  const codes = Int8Array.from(tensor, (value) => {
    const code = Math.floor(value / scale + share());
    return Math.max(-CODE_MAX, Math.min(CODE_MAX, code));
  });
  return { scale, codes };
}

/** The values that the codes of a tensor stand for. */
export const valuesOf = ({ scale, codes }: UpdateTensor): Float32Array =>
  Float32Array.from(codes, (code) => code * scale);

const leftOf = (meant: HeadDifference, sent: readonly UpdateTensor[]): HeadDifference =>
  meant.map((tensor, index) => {
    const said = sent[index];
    return tensor.map((value, at) => value - (said?.codes[at] ?? 0) * (said?.scale ?? 0));
  });

/** The head with an update added to it, as an aggregator would for a single device. */
export function headWith(head: Head, tensors: readonly UpdateTensor[]): Head {
  const add = (values: Float32Array, tensor: UpdateTensor | undefined): Float32Array =>
    values.map((value, at) => value + (tensor?.codes[at] ?? 0) * (tensor?.scale ?? 0));
  return { ...head, weight: add(head.weight, tensors[0]), bias: add(head.bias, tensors[1]) };
}

const notFinite = (): NanofleetError =>
  new NanofleetError(
    'UPDATE_NOT_FINITE',
    'Training ended with numbers that are not finite; nothing is sent.',
  );
