// Owns the way from the feature rows of several texts to the two tensors of a batch: which rows are used, and how much
// of each belongs to each text. It never touches the table.
import { Tensor } from 'onnxruntime-node';

/** A batch: `used` are the distinct rows in order of first use, `bag` is [texts, used rows]. */
export interface Bag {
  readonly used: Int32Array;
  readonly bag: Tensor;
}

/** Makes bags over a table of `buckets` rows; keeps a slot per row so that making one costs only its features. */
export class BagMaker {
  readonly #slotOfRow: Int32Array;
  #room = new Float32Array(0);

  constructor(buckets: number) {
    this.#slotOfRow = new Int32Array(buckets).fill(-1);
  }

  /** Each text is the sum of its rows by √(their count), repeats counted. The tensor is valid until the next call. */
  of(texts: readonly Int32Array[]): Bag {
    const used = this.#distinct(texts);
    const bag = this.#cleared(texts.length * used.length);
    texts.forEach((rows, text) => {
      const share = 1 / Math.sqrt(Math.max(rows.length, 1));
      for (const row of rows) {
        const at = text * used.length + (this.#slotOfRow[row] ?? 0);
        bag[at] = (bag[at] ?? 0) + share;
      }
    });
    for (const row of used) this.#slotOfRow[row] = -1;
    return { used, bag: new Tensor('float32', bag, [texts.length, used.length]) };
  }

  #distinct(texts: readonly Int32Array[]): Int32Array {
    const used: number[] = [];
    for (const rows of texts) {
      for (const row of rows) {
        if (this.#slotOfRow[row] !== -1) continue;
        this.#slotOfRow[row] = used.length;
        used.push(row);
      }
    }
    return Int32Array.from(used);
  }

  #cleared(length: number): Float32Array {
    if (this.#room.length < length) this.#room = new Float32Array(Math.ceil(length * 1.25));
    return this.#room.subarray(0, length).fill(0);
  }
}
