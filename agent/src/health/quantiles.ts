/** Latencies of the last interval, in a ring of fixed size, and their quantiles. Never grows; the oldest is overwritten. */

const RING = 2_048;

/** The three quantiles of a beat, in the unit of what was added. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** A ring of measurements. */
export class LatencyRing {
  readonly #values = new Float32Array(RING);
  #added = 0;

  add(value: number): void {
    this.#values[this.#added % RING] = value;
    this.#added += 1;
  }

  /** Quantiles of what was added since the last call (at most the newest of the ring); zeros for nothing. */
  take(): Quantiles {
    const sorted = this.#values.slice(0, Math.min(this.#added, RING)).sort();
    this.#added = 0;
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }
}
