/** Where each bundle of a line stands in its lineage: generations from left to right, siblings below one another. Pure. */
import type { Digest } from '@nanofleet/protocol';

/** A bundle as the lineage sees it. */
export interface Descendant {
  readonly digest: Digest;
  readonly parent: Digest | null;
  readonly releaseCounter: number;
}

/** Its place: column and row from 0. */
export type Placed<T> = T & { readonly column: number; readonly row: number };

/** Places for bundles of one line; a parent that is not among them counts as none. */
export const placedLineage = <T extends Descendant>(bundles: readonly T[]): Placed<T>[] => {
  const known = new Map(bundles.map((bundle) => [bundle.digest, bundle]));
  const columns = new Map<Digest, number>();
  const columnOf = (bundle: T): number => {
    const found = columns.get(bundle.digest);
    if (found !== undefined) return found;
    // Set before looking further: a lineage that bites its own tail ends here.
    columns.set(bundle.digest, 0);
    const parent = bundle.parent === null ? undefined : known.get(bundle.parent);
    const column = parent === undefined ? 0 : columnOf(parent) + 1;
    columns.set(bundle.digest, column);
    return column;
  };
  const rows = new Map<number, number>();
  return [...bundles]
    .sort((one, other) => one.releaseCounter - other.releaseCounter)
    .map((bundle) => {
      const column = columnOf(bundle);
      const row = rows.get(column) ?? 0;
      rows.set(column, row + 1);
      return { ...bundle, column, row };
    });
};
