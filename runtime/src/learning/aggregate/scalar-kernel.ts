/**
 * Owns the aggregation kernel as plain loops: what the SIMD kernel must compute, element by element. The oracle of its tests, and
 * what runs where WebAssembly has no SIMD. Rounds where the other rounds.
 */
import type { AggregationKernel } from './wasm-kernel.ts';

const LOWEST = -128;

/** A kernel over so many bytes of memory. */
export function scalarKernel(bytes: number): AggregationKernel {
  const buffer = new ArrayBuffer(Math.ceil(bytes / 4) * 4);
  const allCodes = new Int8Array(buffer);
  const allSums = new Float32Array(buffer);
  return {
    memory: { buffer },
    squares(codesAt, count) {
      let sum = 0;
      for (const code of allCodes.subarray(codesAt, codesAt + count)) {
        if (code === LOWEST) return -1;
        sum += code * code;
      }
      return sum;
    },
    add({ codes, count, sums }, factor) {
      const rounded = Math.fround(factor);
      for (let at = 0; at < count; at += 1) {
        const product = Math.fround((allCodes[codes + at] ?? 0) * rounded);
        allSums[sums / 4 + at] = (allSums[sums / 4 + at] ?? 0) + product;
      }
    },
  };
}
