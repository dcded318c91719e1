/** The operating system's Random and its injection token. Never derives anything from the bytes. */
import { randomBytes } from 'node:crypto';
import type { Random } from '@nanofleet/runtime/ports';

/** Injection token of chance. */
export const RANDOM = Symbol('Random');

/** Bytes from the operating system, fit for secrets. */
export const systemRandom: Random = { bytes: (count) => randomBytes(count), share: () => Math.random() };
