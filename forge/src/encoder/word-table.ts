// Owns the hashed table behind the word vectors of an encoder, and behind the texts of a tower: a vector is the sum of its
// rows by √(count), and the gradient that comes back for it moves those rows by Adam, lazily: rows that a batch does not use
// stay untouched, moments included. It stays outside the graph, which so costs only the vectors of a batch. It never reads a
// text.
import { type RowKernel, rowKernel } from '../train/row-kernel.ts';

/** Rows and moments, [buckets, width] each, row major. A table that is only read has no moments: arrays of length 0. */
export interface TableState {
  readonly value: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

/** Vectors that are computed, or whose gradients are spread, at a time. */
const TOGETHER = 256;
const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Sums and learns rows. */
export class WordTable {
  readonly width: number;
  /** Lies in the kernel's memory: a copy of what the table was made of, changed by `learn`. */
  readonly state: TableState;
  readonly #kernel: RowKernel;
  /** Gradients of the rows in use, by slot. */
  readonly #gradients: Float32Array;
  /** Vectors, or their gradients, of `TOGETHER` words. */
  readonly #vectors: Float32Array;
  readonly #slotOfRow: Int32Array;

  constructor(width: number, { value, firstMoment, secondMoment }: TableState) {
    this.width = width;
    this.#slotOfRow = new Int32Array(value.length / width).fill(-1);
    const lengths = [value, firstMoment, secondMoment, firstMoment].map(({ length }) => length);
    const floats = lengths.reduce((sum, length) => sum + length, TOGETHER * width);
    this.#kernel = rowKernel({ bytes: floats * FLOAT_BYTES, width });
    let at = 0;
    const part = (length: number): Float32Array => {
      const array = new Float32Array(this.#kernel.memory, at * FLOAT_BYTES, length);
      at += length;
      return array;
    };
    this.state = {
      value: part(value.length),
      firstMoment: part(firstMoment.length),
      secondMoment: part(secondMoment.length),
    };
    this.#gradients = part(firstMoment.length);
    this.#vectors = part(TOGETHER * width);
    this.state.value.set(value);
    this.state.firstMoment.set(firstMoment);
    this.state.secondMoment.set(secondMoment);
  }

  /** Vectors [words, width] of words given by their rows; a word without rows is 0. */
  vectors(words: readonly Int32Array[]): Float32Array {
    const { width } = this;
    const vectors = new Float32Array(words.length * width);
    for (let start = 0; start < words.length; start += TOGETHER) {
      const part = words.slice(start, start + TOGETHER);
      this.#vectors.fill(0);
      part.forEach((rows, word) => {
        const to = this.#at(this.#vectors, word);
        const share = shareOf(rows);
        for (const row of rows) this.#kernel.add({ to, from: this.#at(this.state.value, row) }, share);
      });
      vectors.set(this.#vectors.subarray(0, part.length * width), start * width);
    }
    return vectors;
  }

  /** Moves the rows of the words by the gradient of their vectors; `rate` holds Adam's bias correction. */
  learn(words: readonly Int32Array[], gradient: Float32Array, rate: number): void {
    const used = this.#used(words);
    this.#gradients.fill(0, 0, used.length * this.width);
    for (let start = 0; start < words.length; start += TOGETHER) {
      const part = words.slice(start, start + TOGETHER);
      this.#vectors.set(gradient.subarray(start * this.width, (start + part.length) * this.width));
      this.#spread(part);
    }
    used.forEach((row, slot) => this.#move(row, slot, rate));
    for (const row of used) this.#slotOfRow[row] = -1;
  }

  #used(words: readonly Int32Array[]): number[] {
    const used: number[] = [];
    for (const rows of words) {
      for (const row of rows) {
        if (this.#slotOfRow[row] !== -1) continue;
        this.#slotOfRow[row] = used.length;
        used.push(row);
      }
    }
    return used;
  }

  #spread(words: readonly Int32Array[]): void {
    words.forEach((rows, word) => {
      const from = this.#at(this.#vectors, word);
      const share = shareOf(rows);
      for (const row of rows)
        this.#kernel.add({ to: this.#at(this.#gradients, this.#slotOfRow[row] ?? 0), from }, share);
    });
  }

  #move(row: number, slot: number, rate: number): void {
    const { value, firstMoment, secondMoment } = this.state;
    this.#kernel.move(
      {
        value: this.#at(value, row),
        firstMoment: this.#at(firstMoment, row),
        secondMoment: this.#at(secondMoment, row),
        gradient: this.#at(this.#gradients, slot),
      },
      rate,
    );
  }

  /** Where a row of a part lies in the memory, bytes. */
  #at(part: Float32Array, row: number): number {
    return part.byteOffset + row * this.width * FLOAT_BYTES;
  }
}

function shareOf(rows: Int32Array): number {
  return 1 / Math.sqrt(Math.max(rows.length, 1));
}
