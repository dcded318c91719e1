// Owns counting the steps from tag to tag, in the rows and columns that transitions have. Pure.
import { isFirst, OUTSIDE, typeOfTag } from '@nanofleet/runtime';

/** Adds the steps of one text, from the outside before it on, to `counts` [1 + types, 2 + types]. */
export function countSteps(
  tags: Int32Array,
  { counts, types }: { readonly counts: Float32Array | Float64Array; readonly types: number },
): void {
  let before = 0;
  for (const tag of tags) {
    const state = tag === OUTSIDE ? 0 : typeOfTag(tag) + 1;
    const to = tag === OUTSIDE || isFirst(tag) ? state : types + 1;
    const at = before * (types + 2) + to;
    counts[at] = (counts[at] ?? 0) + 1;
    before = state;
  }
}
