/** The real Random: the operating system's generator, in blocks, because one call per id would cost a system call each. */

import { randomFillSync } from 'node:crypto';
import type { Random } from '@nanofleet/runtime/ports';

const BLOCK_BYTES = 4_096;

/** Randomness of the operating system. */
export const makeSystemRandom = (): Random => {
  const block = new Uint8Array(BLOCK_BYTES);
  let used = BLOCK_BYTES;
  const bytes = (count: number): Uint8Array => {
    if (count > BLOCK_BYTES) return randomFillSync(new Uint8Array(count));
    if (used + count > BLOCK_BYTES) {
      randomFillSync(block);
      used = 0;
    }
    const taken = block.slice(used, used + count);
    block.fill(0, used, used + count);
    used += count;
    return taken;
  };
  return { bytes, share: () => Math.random() };
};
