/** Latencies counted in steps that grow by 9 %, and their quantiles. Owns a fixed number of counters; never forgets one. */
import type { Quantiles } from './quantiles.ts';

const STEPS_PER_OCTAVE = 8;
/** From a microsecond to two minutes; longer ones count as two minutes. */
const STEPS = 27 * STEPS_PER_OCTAVE;

const stepOf = (micros: number): number =>
  Math.min(STEPS - 1, Math.max(0, Math.ceil(Math.log2(micros) * STEPS_PER_OCTAVE)));

const edgeOf = (step: number): number => Number((2 ** (step / STEPS_PER_OCTAVE)).toPrecision(3));

/** Counters of latencies, microseconds. */
export class LatencySteps {
  readonly #counts = new Uint32Array(STEPS);
  #total = 0;

  add(micros: number): void {
    const step = stepOf(micros);
    this.#counts[step] = (this.#counts[step] ?? 0) + 1;
    this.#total += 1;
  }

  /** Upper edges of the steps in which the quantiles lie; zeros for nothing. */
  quantiles(): Quantiles {
    return { p50: this.#at(0.5), p95: this.#at(0.95), p99: this.#at(0.99) };
  }

  #at(share: number): number {
    if (this.#total === 0) return 0;
    let left = Math.ceil(share * this.#total);
    const step = this.#counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return edgeOf(step);
  }
}
