/**
 * Owns the streaming weighted average of int8 updates: sizes and numbers are checked, norms clipped, weights given by the
 * caller; each update is added as it comes and forgotten, so that memory does not grow with their number. Never decides
 * who may contribute.
 */
import { assert, NanofleetError, type UpdateTensor } from '@nanofleet/protocol';
import { type AggregationKernel, KERNEL_STEP, wasmKernel } from './wasm-kernel.ts';

const padded = (count: number): number => Math.ceil(count / KERNEL_STEP) * KERNEL_STEP;

/** What an average is made of. */
export interface AggregatorOptions {
  /** Elements of each tensor, in the order of the plan. */
  readonly elements: readonly number[];
  /** Longest update by its L2 norm over all tensors; a longer one is shortened to it. */
  readonly clipNorm: number;
  /** Arithmetic over that many bytes; the SIMD kernel when left out. */
  readonly kernel?: (bytes: number) => AggregationKernel;
}

/** What was made of one update. */
export interface AddedUpdate {
  /** L2 norm as it came. */
  readonly norm: number;
  readonly isClipped: boolean;
}

/** A weighted average of updates. */
export interface Average {
  /** One array per tensor. */
  readonly tensors: Float32Array[];
  readonly updates: number;
  readonly weight: number;
  /** L2 norm over all tensors. */
  readonly norm: number;
}

/** Sums updates. */
export class Aggregator {
  readonly #elements: readonly number[];
  readonly #clipNorm: number;
  readonly #kernel: AggregationKernel;
  /** Where each tensor begins, in elements; padded, so that no step of the kernel crosses into the next. */
  readonly #starts: number[] = [];
  /** After the codes. */
  readonly #sumsAt: number;
  readonly #codes: Int8Array;
  #weight = 0;
  #updates = 0;

  constructor({ elements, clipNorm, kernel = wasmKernel }: AggregatorOptions) {
    assert(elements.length > 0 && clipNorm > 0, 'an average has tensors and a bound');
    this.#elements = elements;
    this.#clipNorm = clipNorm;
    let total = 0;
    for (const count of elements) {
      this.#starts.push(total);
      total += padded(count);
    }
    this.#sumsAt = total;
    this.#kernel = kernel(total * 5);
    this.#codes = new Int8Array(this.#kernel.memory.buffer, 0, total);
  }

  /**
   * Adds an update with a weight.
   * @throws NanofleetError UPDATE_SHAPE_WRONG, UPDATE_NOT_FINITE, UPDATE_MALFORMED (a code of -128); then the sum is as before
   */
  add(tensors: readonly UpdateTensor[], weight: number): AddedUpdate {
    assert(Number.isFinite(weight) && weight > 0, 'a weight is positive');
    this.#copyIn(tensors);
    const norm = this.#normOf(tensors);
    const shortened = norm > this.#clipNorm ? this.#clipNorm / norm : 1;
    for (const [index, { scale }] of tensors.entries()) {
      const codes = this.#starts[index] ?? 0;
      const count = padded(this.#elements[index] ?? 0);
      const range = { codes, sums: this.#sumsAt + 4 * codes, count };
      if (count > 0) this.#kernel.add(range, weight * shortened * scale);
    }
    this.#weight += weight;
    this.#updates += 1;
    return { norm, isClipped: shortened < 1 };
  }

  /** The average so far; zeros when nothing was added. */
  average(): Average {
    let squares = 0;
    const tensors = this.#elements.map((count, index) => {
      const at = this.#sumsAt + 4 * (this.#starts[index] ?? 0);
      const sums = new Float32Array(this.#kernel.memory.buffer, at, count);
      const mean = sums.map((sum) => sum / Math.max(this.#weight, Number.MIN_VALUE));
      squares = mean.reduce((all, value) => all + value * value, squares);
      return mean;
    });
    return { tensors, updates: this.#updates, weight: this.#weight, norm: Math.sqrt(squares) };
  }

  /** The padding between tensors stays zero: only the elements are written. */
  #copyIn(tensors: readonly UpdateTensor[]): void {
    if (tensors.length !== this.#elements.length) throw wrongShape();
    for (const [index, { codes }] of tensors.entries()) {
      if (codes.length !== this.#elements[index]) throw wrongShape();
      this.#codes.set(codes, this.#starts[index] ?? 0);
    }
  }

  #normOf(tensors: readonly UpdateTensor[]): number {
    let total = 0;
    for (const [index, { scale }] of tensors.entries()) {
      const count = padded(this.#elements[index] ?? 0);
      const squares = count === 0 ? 0 : this.#kernel.squares(this.#starts[index] ?? 0, count);
      if (squares < 0) throw new NanofleetError('UPDATE_MALFORMED', 'A model update holds the code -128.');
      total += squares * scale * scale;
    }
    if (Number.isFinite(total)) return Math.sqrt(total);
    throw new NanofleetError('UPDATE_NOT_FINITE', 'The norm of a model update is not finite.');
  }
}

const wrongShape = () =>
  new NanofleetError('UPDATE_SHAPE_WRONG', 'A model update does not have the tensors of its round.');
