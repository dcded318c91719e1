/** Chance as a port: random bytes for secrets and ids, and the real implementation. Never derives anything from them. */
import { randomBytes } from 'node:crypto';
import { makeUuid, type Uuid } from '@nanofleet/protocol';
import type { Clock } from './clock.ts';

/** Where random bytes come from. */
export interface Random {
  bytes(count: number): Uint8Array;
}

/** Injection token of chance. */
export const RANDOM = Symbol('Random');

/** Bytes from the operating system, fit for secrets. */
export const systemRandom: Random = { bytes: (count) => randomBytes(count) };

/** A new UUID version 7 by the ports. */
export const newUuid = (clock: Clock, random: Random): Uuid => makeUuid(clock.nowMs(), random.bytes(10));
