/** Which names somebody may have meant who wrote another one. Pure. */

const SHOWN_MAX = 5;

/** Edits between two words: letters put in, left out or exchanged (Levenshtein 1966). */
const editsBetween = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let at = 1; at <= left.length; at += 1) {
    const next = [at];
    for (let to = 1; to <= right.length; to += 1) {
      const exchanged = (row[to - 1] ?? 0) + (left[at - 1] === right[to - 1] ? 0 : 1);
      next.push(Math.min(exchanged, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
};

const distance = (asked: string, name: string): number =>
  name.includes(asked) || asked.includes(name)
    ? 0
    : editsBetween(asked, name) / Math.max(asked.length, name.length, 1);

/** The names that are most like the one asked for, at most five; none when all are far. */
export const nearNames = (asked: string, names: readonly string[]): string[] => {
  const word = asked.slice(0, 64).toLowerCase();
  return names
    .map((name) => ({ name, far: distance(word, name.toLowerCase()) }))
    .filter(({ far }) => far <= 0.5)
    .toSorted((left, right) => left.far - right.far)
    .slice(0, SHOWN_MAX)
    .map(({ name }) => name);
};
