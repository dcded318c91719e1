/**
 * How long to wait before the next try: doubling from a first to a longest wait, with full jitter, so that a fleet that
 * lost its controller does not come back in one moment. Pure.
 */
import { RECONNECT_FIRST_MS, RECONNECT_LONGEST_MS } from '@nanofleet/protocol';

/**
 * Milliseconds to wait.
 * @param failures tries that failed in a row, from 1
 * @param share from the Random port, 0 up to 1
 */
export const backoffMs = (failures: number, share: number): number => {
  const ceiling = Math.min(RECONNECT_LONGEST_MS, RECONNECT_FIRST_MS * 2 ** Math.min(30, failures - 1));
  return RECONNECT_FIRST_MS / 2 + share * ceiling;
};
