/**
 * Identifiers: branded strings, their checks, and how a device maps to its shard. Never makes randomness itself:
 * ids that need it take the bytes from the caller's Random port.
 */
import { z } from 'zod';
import { assert, NanofleetError } from './errors.ts';
import { SHARD_COUNT } from './limits/wire.ts';

const named = <const B extends string>(pattern: RegExp, brand: B, rule: string) =>
  z.string().regex(pattern, `${brand} must be ${rule}`).brand<B>();

/** Name of a fleet: 1-32 of a-z, 0-9 and hyphen. */
export const fleetIdSchema = named(/^[a-z0-9][a-z0-9-]{0,31}$/, 'FleetId', '1-32 of a-z, 0-9 and hyphen');
/** Name of a device within its fleet: 1-63 of a-z, 0-9 and hyphen. */
export const deviceIdSchema = named(/^[a-z0-9][a-z0-9-]{0,62}$/, 'DeviceId', '1-63 of a-z, 0-9 and hyphen');
/** Name of a model line: 1-32 of a-z, 0-9 and hyphen, first a letter. */
export const lineIdSchema = named(
  /^[a-z][a-z0-9-]{0,31}$/,
  'LineId',
  '1-32 of a-z, 0-9 and hyphen, first a letter',
);
/** Name of a device group: as a line's. */
export const groupIdSchema = named(
  /^[a-z][a-z0-9-]{0,31}$/,
  'GroupId',
  '1-32 of a-z, 0-9 and hyphen, first a letter',
);
/** SHA-256 in 64 lower-case hex digits. */
export const digestSchema = named(/^[0-9a-f]{64}$/, 'Digest', '64 lower-case hex digits');
/** UUID version 7 (RFC 9562): decisions, offloads, jobs, rounds, rollouts. */
export const uuidSchema = named(
  /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  'Uuid',
  'a UUID version 7',
);
/** Epoch of a device's log: 16 hex digits, new with every new log. */
export const epochSchema = named(/^[0-9a-f]{16}$/, 'Epoch', '16 lower-case hex digits');

export type FleetId = z.infer<typeof fleetIdSchema>;
export type DeviceId = z.infer<typeof deviceIdSchema>;
export type LineId = z.infer<typeof lineIdSchema>;
export type GroupId = z.infer<typeof groupIdSchema>;
export type Digest = z.infer<typeof digestSchema>;
export type Uuid = z.infer<typeof uuidSchema>;
export type Epoch = z.infer<typeof epochSchema>;

/** One of the shards, written in two digits: "00" to "15". */
export type Shard = string & z.$brand<'Shard'>;

/**
 * Checks an identifier that a person or program gave.
 * @throws NanofleetError ID_INVALID, naming the value and the rule.
 */
export const parseId = <S extends z.ZodType>(schema: S, value: unknown): z.infer<S> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const rule = parsed.error.issues[0]?.message ?? 'well-formed';
  throw new NanofleetError('ID_INVALID', `${JSON.stringify(value)?.slice(0, 80)} is no valid name: ${rule}`);
};

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** The shard of a device: FNV-1a 32 of its id modulo the number of shards. Never changes within a fleet. */
export const shardOf = (device: DeviceId): Shard => {
  let hash = FNV_OFFSET;
  for (let index = 0; index < device.length; index += 1) {
    hash = Math.imul(hash ^ device.charCodeAt(index), FNV_PRIME);
  }
  return shardName((hash >>> 0) % SHARD_COUNT);
};

/** The name of shard number `index`, 0 to SHARD_COUNT - 1. */
export const shardName = (index: number): Shard => {
  assert(Number.isInteger(index) && index >= 0 && index < SHARD_COUNT, 'a shard index is in range');
  return String(index).padStart(2, '0') as Shard;
};

/** All shards in order. */
export const allShards = (): Shard[] => Array.from({ length: SHARD_COUNT }, (_, index) => shardName(index));

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/**
 * A UUID version 7 (RFC 9562 section 5.7).
 * @param unixMs milliseconds since 1970 from the caller's clock
 * @param random at least 10 random bytes from the caller's Random port
 */
export const makeUuid = (unixMs: number, random: Uint8Array): Uuid => {
  assert(random.length >= 10, 'ten random bytes for a UUID');
  const bytes = new Uint8Array(16);
  let time = Math.max(0, Math.floor(unixMs));
  for (let index = 5; index >= 0; index -= 1) {
    bytes[index] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const text = Array.from(bytes, hex).join('');
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}` as Uuid;
};

/** A log epoch out of eight random bytes. */
export const makeEpoch = (random: Uint8Array): Epoch => {
  assert(random.length >= 8, 'eight random bytes for an epoch');
  return Array.from(random.subarray(0, 8), hex).join('') as Epoch;
};
