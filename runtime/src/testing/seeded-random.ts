/** A Random that repeats itself from a seed, for tests and replays. Never used for keys or ids of a real device. */

import { seededShares } from '../learning/seeded-shares.ts';
import type { Random } from '../ports/random.ts';

/** Randomness out of a seed (mulberry32). */
export const makeSeededRandom = (seed: number): Random => {
  const share = seededShares(seed);
  return { share, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(share() * 256)) };
};
