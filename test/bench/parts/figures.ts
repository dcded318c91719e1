// Quantiles of measured times and the table that a benchmark prints. Knows nothing of what was measured.

/** Median and tail of a series, in its own unit. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Quantiles by the nearest rank; NaN for no values. */
export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).toSorted();
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** A figure with three digits that count. */
export const rounded = (value: number): number => Number(value.toPrecision(3));

/** Rows as aligned columns: the first one left, the others right. */
export function printTable(rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map((row) => row.map(String));
  const widths = cells.reduce<number[]>(
    (found, row) => row.map((cell, at) => Math.max(cell.length, found[at] ?? 0)),
    [],
  );
  for (const row of cells) {
    console.log(
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('   '),
    );
  }
}
