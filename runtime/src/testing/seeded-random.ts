/** A Random that repeats itself from a seed, for tests and replays. Never used for keys or ids of a real device. */
import type { Random } from '../ports/random.ts';

/** Randomness out of a seed (mulberry32). */
export const makeSeededRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const share = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { share, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(share() * 256)) };
};
