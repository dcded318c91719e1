/** Owns finding the word that somebody meant by one that is not known. Pure. */

/** Changes of one letter that turn one word into another (Levenshtein 1965), capitals aside. */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [index, letter] of Array.from(from).entries()) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at += 1) {
      const replaced = (row[at - 1] ?? 0) + (letter === to[at - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
};

/** The known word nearest to another; null when none is near enough to be meant. */
export const nearestWord = (word: string, known: readonly string[]): string | null => {
  const meant = word.toLowerCase();
  const best = known
    .map((candidate) => ({ candidate, changes: distance(meant, candidate.toLowerCase()) }))
    .toSorted((left, right) => left.changes - right.changes)[0];
  if (best === undefined) return null;
  return best.changes <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : null;
};
