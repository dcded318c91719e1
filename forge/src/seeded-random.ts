// Owns repeatable randomness: every draw follows from a seed and a purpose, so a run that was killed goes on exactly
// as if it had not been. It is not for secrets.

/** A source of numbers; one for each purpose, such as ('shuffle', epoch 3), so that no draw depends on other draws. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `purpose` keeps streams of one seed apart. */
  constructor(seed: number, ...purpose: readonly (string | number)[]) {
    const key = [seed, ...purpose].join('/');
    this.#a = spread(key, 0x9e3779b9);
    this.#b = spread(key, 0x243f6a88);
    this.#c = spread(key, 0xb7e15162);
    for (let warmUp = 0; warmUp < 12; warmUp += 1) this.#next();
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Standard normal. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** The numbers 0..length-1 in random order. */
  order(length: number): Int32Array {
    const order = Int32Array.from({ length }, (_, index) => index);
    for (let at = length - 1; at > 0; at -= 1) {
      const other = this.below(at + 1);
      const kept = order[at] ?? 0;
      order[at] = order[other] ?? 0;
      order[other] = kept;
    }
    return order;
  }

  // sfc32 (C. Doty-Humphrey, PractRand): passes PractRand, needs four 32-bit words and no 64-bit arithmetic.
  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}

function spread(key: string, start: number): number {
  let hash = start;
  for (let at = 0; at < key.length; at += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x85ebca6b);
    hash = (hash << 13) | (hash >>> 19);
  }
  return Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35) | 0;
}
