// Owns the hashed table behind the word vectors of an encoder: a word's vector is the sum of its rows by √(count), and the
// gradient that comes back for it moves those rows by Adam, lazily: rows that a batch does not use stay untouched, moments
// included. It stays outside the graph, which so costs only the distinct words of a batch. It never reads a text.

/** Rows and moments, [buckets, width] each, row major. */
export interface TableState {
  readonly value: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Sums and learns rows. */
export class WordTable {
  readonly width: number;
  readonly state: TableState;
  readonly #slotOfRow: Int32Array;
  #room = new Float32Array(0);

  constructor(width: number, state: TableState) {
    this.width = width;
    this.state = state;
    this.#slotOfRow = new Int32Array(state.value.length / width).fill(-1);
  }

  /** Vectors [words, width] of words given by their rows; a word without rows is 0. */
  vectors(words: readonly Int32Array[]): Float32Array {
    const { width } = this;
    const vectors = new Float32Array(words.length * width);
    words.forEach((rows, word) => {
      const share = 1 / Math.sqrt(Math.max(rows.length, 1));
      for (const row of rows) {
        for (let at = 0; at < width; at += 1)
          vectors[word * width + at] =
            (vectors[word * width + at] ?? 0) + share * (this.state.value[row * width + at] ?? 0);
      }
    });
    return vectors;
  }

  /** Moves the rows of the words by the gradient of their vectors; `rate` holds Adam's bias correction. */
  learn(words: readonly Int32Array[], gradient: Float32Array, rate: number): void {
    const used = this.#used(words);
    const sums = this.#cleared(used.length * this.width);
    this.#collect(words, gradient, sums);
    used.forEach((row, slot) => this.#move(row, slot, sums, rate));
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

  #collect(words: readonly Int32Array[], gradient: Float32Array, sums: Float32Array): void {
    const { width } = this;
    words.forEach((rows, word) => {
      const share = 1 / Math.sqrt(Math.max(rows.length, 1));
      for (const row of rows) {
        const slot = (this.#slotOfRow[row] ?? 0) * width;
        for (let at = 0; at < width; at += 1)
          sums[slot + at] = (sums[slot + at] ?? 0) + share * (gradient[word * width + at] ?? 0);
      }
    });
  }

  #move(row: number, slot: number, sums: Float32Array, rate: number): void {
    const { value, firstMoment, secondMoment } = this.state;
    for (let at = 0; at < this.width; at += 1) {
      const place = row * this.width + at;
      const slope = sums[slot * this.width + at] ?? 0;
      const first = BETA1 * (firstMoment[place] ?? 0) + (1 - BETA1) * slope;
      const second = BETA2 * (secondMoment[place] ?? 0) + (1 - BETA2) * slope * slope;
      firstMoment[place] = first;
      secondMoment[place] = second;
      value[place] = (value[place] ?? 0) - (rate * first) / (Math.sqrt(second) + EPSILON);
    }
  }

  #cleared(length: number): Float32Array {
    if (this.#room.length < length) this.#room = new Float32Array(Math.ceil(length * 1.25));
    return this.#room.subarray(0, length).fill(0);
  }
}
