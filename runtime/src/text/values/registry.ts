/**
 * Owns matching what a person said against the names that a device knows: its areas and its devices. Small registries, so
 * every name is compared; half a microsecond each. Pure.
 */

/** A thing with the names it goes by; the first is the one that answers carry. */
export interface Named {
  readonly names: readonly string[];
}

/** What a device knows by name. */
export interface Registry {
  readonly areas: readonly Named[];
  readonly devices: readonly Named[];
}

/** Least likeness of a match: one wrong letter in five passes. */
const LIKENESS_MIN = 0.78;
/** Two names nearer than this to each other leave it open which was meant. */
const AMBIGUITY = 0.02;

/** The first name of the thing that a text names best, or null when nothing is like it or two are alike. */
export function namedThing(text: string, things: readonly Named[]): string | null {
  const said = plain(text);
  let best = { name: '', likeness: 0 };
  let second = 0;
  for (const { names } of things) {
    const likeness = Math.max(0, ...names.map((name) => likenessOf(said, plain(name))));
    if (likeness > best.likeness) {
      second = best.likeness;
      best = { name: names[0] ?? '', likeness };
    } else second = Math.max(second, likeness);
  }
  if (best.likeness < LIKENESS_MIN || best.likeness - second < AMBIGUITY) return null;
  return best.name;
}

const ARTICLES = /^(?:the|my|our|a|an) /;

function plain(text: string): string {
  const words = text
    .toLowerCase()
    .replace(/['’`]s?\b/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  return words.replace(ARTICLES, '');
}

/**
 * 0 to 1: one minus the edit distance by the length of the longer, spaces left out ("livingroom"), each way a singular and a
 * plural of a last s count as equal.
 */
export function likenessOf(left: string, right: string): number {
  const [a, b] = [singular(left), singular(right)];
  if (a === b) return a === '' ? 0 : 1;
  const longer = Math.max(a.length, b.length);
  if (longer - Math.min(a.length, b.length) > longer / 4) return 0;
  return 1 - distance(a, b) / longer;
}

const singular = (text: string): string => text.replaceAll(' ', '').replace(/(?<=[^s])s$/, '');

/** Edits that turn one text into the other (Levenshtein 1966). */
function distance(a: string, b: string): number {
  let before = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let row = 1; row <= a.length; row += 1) {
    const now = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      const [up = 0, left = 0, across = 0] = [before[column], now[column - 1], before[column - 1]];
      now.push(Math.min(up + 1, left + 1, across + same));
    }
    before = now;
  }
  return before[b.length] ?? 0;
}
