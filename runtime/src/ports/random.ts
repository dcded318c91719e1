/** The Random port: bytes for ids and keys of identity, shares for jitter. Owns no randomness itself. */
import { makeUuid, type Uuid } from '@nanofleet/protocol';
import type { Clock } from './clock.ts';

/** Randomness as agent and controller see it. */
export interface Random {
  /** That many unpredictable bytes. */
  bytes(count: number): Uint8Array;
  /** A share from 0 up to, not including, 1; for jitter only. */
  share(): number;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** That many random bytes as lower-case hex. */
export const randomHex = (random: Random, bytes: number): string =>
  Array.from(random.bytes(bytes), (byte) => HEX[byte]).join('');

/** A new id (UUID version 7). */
export const newId = (clock: Clock, random: Random): Uuid => makeUuid(clock.unixMs(), random.bytes(10));
