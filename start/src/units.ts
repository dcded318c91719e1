/**
 * Figures as people read them: times, bytes, shares. Pure, and the same in every locale.
 */

/** Microseconds → "61 µs", "2.4 ms", "1.3 s". */
export function durationText(micros: number): string {
  if (micros < 1_000) return `${Math.round(micros)} µs`;
  if (micros < 100_000) return `${(micros / 1_000).toFixed(1)} ms`;
  if (micros < 1_000_000) return `${Math.round(micros / 1_000)} ms`;
  return `${(micros / 1_000_000).toFixed(1)} s`;
}

const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB'] as const;

/** 1234567 → "1.23 MB" (powers of 1000). */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < BYTE_UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${BYTE_UNITS[unit]}`;
}

/** 0.9342 → "93.4 %". */
export const shareText = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** 12345 → "12 345", with a narrow space. */
export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** Value at a quantile of unsorted numbers, by the nearest rank; NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
