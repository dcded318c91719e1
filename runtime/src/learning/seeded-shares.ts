/** Owns chance that repeats itself from a seed: which examples make a batch, the noise on what is rehearsed. Never used for keys or ids. */

/** Shares from 0 up to, not including, 1, the same ones for the same seed (mulberry32). */
export function seededShares(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One normal deviate of mean 0 and deviation 1 out of two shares (Box and Muller 1958). */
export function normalOf(share: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - share()));
  return radius * Math.cos(2 * Math.PI * share());
}

/** The indices 0..count-1 in an order of chance (Fisher and Yates). */
export function shuffled(count: number, share: () => number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = Math.floor(share() * (at + 1));
    const held = order[at] ?? 0;
    order[at] = order[other] ?? 0;
    order[other] = held;
  }
  return order;
}
