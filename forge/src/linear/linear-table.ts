// Owns the weights of multinomial logistic regression over sparse columns, and steps that move only the rows of a batch. It
// minimizes the mean cross-entropy plus penalty/2 · Σ weight² (the bias apart) with AdaGrad that keeps one number a row: what
// the penalty does to rows that no text uses is one factor, made up for when a text does. It never reads a text.
import { logSumExp } from '@nanofleet/runtime';
import { type RowKernel, rowKernel } from '../train/row-kernel.ts';
import type { TextColumns } from './tf-idf.ts';

/** Weights [columns + 1, classes] with the bias last, and the squared gradients that each row has seen. */
export interface LinearState {
  readonly weights: Float32Array;
  readonly squares: Float32Array;
}

/** How far a step goes, and the weight of the penalty. */
export interface StepSize {
  readonly rate: number;
  readonly penalty: number;
}

const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;
/** Below any squared gradient that matters: a row without gradient divides by it. */
const SQUARES_MIN = 1e-20;

/** Nothing learned yet; the problem is convex, so that it does not matter where it begins. */
export function freshLinear(columns: number, classes: number): LinearState {
  return { weights: new Float32Array((columns + 1) * classes), squares: new Float32Array(columns + 1) };
}

/** Learns, and says logits. */
export class LinearTable {
  /** Lies in the kernel's memory: a copy of what the table was made of, changed by `step` and `settle`. */
  readonly state: LinearState;
  readonly #classes: number;
  readonly #bias: number;
  readonly #kernel: RowKernel;
  /** Gradients of the rows in use, by slot. The memory is only reserved until a batch uses it. */
  readonly #gradients: Float32Array;
  /** What is computed of one text. */
  readonly #row: Float32Array;
  readonly #slotOfRow: Int32Array;
  /** Sum of the rates so far, and what it was when the penalty last acted on each row. */
  #rates = 0;
  readonly #penalized: Float64Array;

  constructor(classes: number, { weights, squares }: LinearState) {
    this.#classes = classes;
    this.#bias = squares.length - 1;
    this.#slotOfRow = new Int32Array(squares.length).fill(-1);
    this.#penalized = new Float64Array(squares.length);
    const floats = 2 * weights.length + classes;
    this.#kernel = rowKernel({ bytes: floats * FLOAT_BYTES, width: classes });
    const part = (from: number, length: number): Float32Array =>
      new Float32Array(this.#kernel.memory, from * FLOAT_BYTES, length);
    this.state = { weights: part(0, weights.length), squares: Float32Array.from(squares) };
    this.#gradients = part(weights.length, weights.length);
    this.#row = part(2 * weights.length, classes);
    this.state.weights.set(weights);
  }

  /** Logits [texts, classes], row major. */
  logits(texts: readonly TextColumns[]): Float32Array {
    const logits = new Float32Array(texts.length * this.#classes);
    const to = this.#row.byteOffset;
    texts.forEach(({ columns, values }, text) => {
      this.#row.set(this.#rowOf(this.state.weights, this.#bias));
      for (let at = 0; at < columns.length; at += 1)
        this.#kernel.add({ to, from: this.#at(this.state.weights, columns[at] ?? 0) }, values[at] ?? 0);
      logits.set(this.#row, text * this.#classes);
    });
    return logits;
  }

  /** One step on texts whose targets [texts, classes] are probabilities by a weight; their mean loss before it. */
  step(texts: readonly TextColumns[], targets: Float32Array, { rate, penalty }: StepSize): number {
    const used = this.#used(texts);
    for (const row of used) this.#penalize(row, penalty);
    const loss = this.#differentiate(texts, targets);
    used.forEach((row, slot) => this.#move(row, this.#rowOf(this.#gradients, slot), rate));
    this.#forget(used);
    this.#rates += rate;
    return loss;
  }

  /** Lets the penalty act on every row, as far as steps went: between this and the next step nothing is owed. */
  settle(penalty: number): void {
    for (let row = 0; row < this.#bias; row += 1) this.#penalize(row, penalty);
    this.#penalized.fill(0);
    this.#rates = 0;
  }

  /** The mean loss of texts and its gradient without the penalty, by row; rows without gradient are absent. */
  gradient(
    texts: readonly TextColumns[],
    targets: Float32Array,
  ): { readonly loss: number; readonly rows: ReadonlyMap<number, Float32Array> } {
    const used = this.#used(texts);
    const loss = this.#differentiate(texts, targets);
    const rows = new Map(used.map((row, slot) => [row, this.#rowOf(this.#gradients, slot).slice()]));
    this.#forget(used);
    return { loss, rows };
  }

  #used(texts: readonly TextColumns[]): number[] {
    const used = [this.#bias];
    this.#slotOfRow[this.#bias] = 0;
    for (const { columns } of texts)
      for (const column of columns) {
        if (this.#slotOfRow[column] !== -1) continue;
        this.#slotOfRow[column] = used.length;
        used.push(column);
      }
    this.#gradients.fill(0, 0, used.length * this.#classes);
    return used;
  }

  #forget(used: readonly number[]): void {
    for (const row of used) this.#slotOfRow[row] = -1;
  }

  #differentiate(texts: readonly TextColumns[], targets: Float32Array): number {
    const residuals = this.logits(texts);
    const loss = crossEntropyGradient(residuals, targets, this.#classes);
    const from = this.#row.byteOffset;
    texts.forEach(({ columns, values }, text) => {
      this.#row.set(residuals.subarray(text * this.#classes, (text + 1) * this.#classes));
      this.#kernel.add({ to: this.#at(this.#gradients, 0), from }, 1);
      for (let at = 0; at < columns.length; at += 1) {
        const slot = this.#slotOfRow[columns[at] ?? 0] ?? 0;
        this.#kernel.add({ to: this.#at(this.#gradients, slot), from }, values[at] ?? 0);
      }
    });
    return loss;
  }

  #move(row: number, gradient: Float32Array, rate: number): void {
    const { squares, weights } = this.state;
    let sum = squares[row] ?? 0;
    for (const part of gradient) sum += part * part;
    squares[row] = sum;
    this.#kernel.add({ to: this.#at(weights, row), from: gradient.byteOffset }, -rate * this.#pace(row));
  }

  // The steps that passed the row by, each of which would have taken rate · pace · penalty of it.
  #penalize(row: number, penalty: number): void {
    const owed = this.#rates - (this.#penalized[row] ?? 0);
    this.#penalized[row] = this.#rates;
    if (owed === 0 || row === this.#bias) return;
    const place = this.#at(this.state.weights, row);
    this.#kernel.add({ to: place, from: place }, Math.expm1(-owed * this.#pace(row) * penalty));
  }

  #pace(row: number): number {
    return 1 / Math.sqrt(Math.max(this.state.squares[row] ?? 0, SQUARES_MIN));
  }

  #rowOf(part: Float32Array, row: number): Float32Array {
    return part.subarray(row * this.#classes, (row + 1) * this.#classes);
  }

  /** Where a row of a part lies in the memory, bytes. */
  #at(part: Float32Array, row: number): number {
    return part.byteOffset + row * this.#classes * FLOAT_BYTES;
  }
}

/** The mean cross-entropy of rows of logits, which become its gradient. Targets of a row sum to its weight. */
function crossEntropyGradient(logits: Float32Array, targets: Float32Array, classes: number): number {
  const texts = logits.length / classes;
  let loss = 0;
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const target = targets.subarray(start, start + classes);
    const weight = target.reduce((sum, share) => sum + share, 0);
    const total = logSumExp(row);
    for (let at = 0; at < classes; at += 1) {
      const logProbability = (row[at] ?? 0) - total;
      const share = target[at] ?? 0;
      loss -= share * logProbability;
      row[at] = (weight * Math.exp(logProbability) - share) / texts;
    }
  }
  return loss / texts;
}
