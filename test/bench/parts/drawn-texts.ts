// Drawing from labelled texts: halves, picks, and samples. It knows nothing of what the texts say.
import type { SeededRandom } from '@nanofleet/forge';
import type { CalibrationTexts } from '@nanofleet/runtime';

/** Indices below `count` in a random order. */
function shuffled(count: number, random: SeededRandom): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = random.below(at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}

/** Two halves of the indices below `count`. */
export function halves(count: number, random: SeededRandom): [number[], number[]] {
  const order = shuffled(count, random);
  const middle = Math.floor(count / 2);
  return [order.slice(0, middle), order.slice(middle)];
}

/** So many of them: each at most once as far as there are enough, else each drawn from all. */
export function drawn<Item>(from: readonly Item[], count: number, random: SeededRandom): Item[] {
  const indices =
    count <= from.length
      ? shuffled(from.length, random).slice(0, count)
      : Array.from({ length: count }, () => random.below(from.length));
  return indices.map((index) => from[index]).filter((one) => one !== undefined);
}

const at = (rows: readonly Float32Array[], index: number): Float32Array => rows[index] ?? new Float32Array();

/** The texts with these indices. */
export function picked(
  texts: CalibrationTexts,
  of: { readonly inScope: readonly number[]; readonly outOfScope: readonly number[] },
): CalibrationTexts {
  return {
    inScope: of.inScope.map((index) => at(texts.inScope, index)),
    gold: Int32Array.from(of.inScope, (index) => texts.gold[index] ?? -1),
    outOfScope: of.outOfScope.map((index) => at(texts.outOfScope, index)),
  };
}
