/**
 * Sealed files: a header in plain text that says how to get the key, then pieces of AES-256-GCM in which nothing can be
 * changed, moved, left out or cut off unseen (the STREAM construction: a counter and a mark of the last piece in each
 * nonce). Knows passphrases and keys, nothing of what is inside.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  scrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import type { Random } from '@nanofleet/runtime/ports';
import { z } from 'zod';

const MAGIC = 'nanofleet-sealed 1\n';
const HEADER_BYTES_MAX = 16_384;
const PIECE_BYTES = 65_536;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** 128 MB and some 0.3 s for each guess at a passphrase. */
const SCRYPT = { N: 131_072, r: 8, p: 1 } as const;
const SCRYPT_MEMORY_MAX = 256 * 1_048_576;

const slotSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('passphrase'),
    salt: z.base64(),
    N: z.int().min(16_384).max(1_048_576),
    r: z.int().min(1).max(16),
    p: z.int().min(1).max(4),
    key: z.base64(),
  }),
  z.object({ kind: z.literal('recipient'), ephemeral: z.base64(), key: z.base64() }),
]);
const headerSchema = z.object({ slots: z.array(slotSchema).min(1).max(16) });
type Slot = z.infer<typeof slotSchema>;

/** Who will be able to open a file: whoever knows the passphrase, or has the private half of a key (X25519). */
export type Lock = { readonly passphrase: string } | { readonly recipient: KeyObject };
/** What opens one. */
export type Opener = { readonly passphrase: string } | { readonly privateKey: KeyObject };

/** A file key and the header that gives it back to those who may open the file. */
export interface Seal {
  readonly header: string;
  readonly key: Uint8Array;
}

/** Makes a fresh key and its header. */
export const makeSeal = async (locks: readonly Lock[], random: Random): Promise<Seal> => {
  const key = random.bytes(KEY_BYTES);
  const slots: Slot[] = [];
  for (const lock of locks) {
    slots.push('passphrase' in lock ? await byPassphrase(lock, { key, random }) : byRecipient(lock, key));
  }
  return { header: `${MAGIC}${JSON.stringify({ slots })}\n`, key };
};

const byPassphrase = async (
  { passphrase }: { passphrase: string },
  { key, random }: { key: Uint8Array; random: Random },
): Promise<Slot> => {
  const salt = random.bytes(KEY_BYTES);
  const wrapping = await stretch(passphrase, { salt, ...SCRYPT });
  return { kind: 'passphrase', salt: base64(salt), ...SCRYPT, key: base64(wrap(wrapping, key)) };
};

const byRecipient = ({ recipient }: { recipient: KeyObject }, key: Uint8Array): Slot => {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const ephemeral = publicKey.export({ format: 'der', type: 'spki' });
  const wrapping = agree({ privateKey, publicKey: recipient }, ephemeral);
  return { kind: 'recipient', ephemeral: base64(ephemeral), key: base64(wrap(wrapping, key)) };
};

const stretch = (
  passphrase: string,
  { N, p, r, salt }: { salt: Uint8Array; N: number; r: number; p: number },
): Promise<Buffer> =>
  promisify<string, Uint8Array, number, object, Buffer>(scrypt)(
    passphrase.normalize('NFKC'),
    salt,
    KEY_BYTES,
    {
      ...{ N, r, p },
      maxmem: SCRYPT_MEMORY_MAX,
    },
  );

const agree = (pair: { privateKey: KeyObject; publicKey: KeyObject }, ephemeral: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', diffieHellman(pair), ephemeral, 'nanofleet sealed 1', KEY_BYTES));

/** A wrapping key is used for one key only, so its nonce may be fixed. */
const wrap = (wrapping: Uint8Array, key: Uint8Array): Buffer => {
  const cipher = createCipheriv('aes-256-gcm', wrapping, Buffer.alloc(NONCE_BYTES));
  return Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()]);
};

const unwrap = (wrapping: Uint8Array, wrapped: Buffer): Uint8Array | null => {
  if (wrapped.length !== KEY_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv('aes-256-gcm', wrapping, Buffer.alloc(NONCE_BYTES));
  decipher.setAuthTag(wrapped.subarray(KEY_BYTES));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(0, KEY_BYTES)), decipher.final()]);
  } catch {
    // Another passphrase or key: the caller says so.
    return null;
  }
};

const nonceOf = (count: number, { isLast }: { isLast: boolean }): Buffer => {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64BE(BigInt(count), 3);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
};

const bindingOf = (header: string): Buffer => createHash('sha256').update(header).digest();

/** The bytes of a sealed file around content. */
export async function* seal(
  { header, key }: Seal,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  yield Buffer.from(header);
  const binding = bindingOf(header);
  let count = 0;
  const close = (piece: Uint8Array, isLast: boolean): Buffer => {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(count, { isLast }));
    count += 1;
    cipher.setAAD(binding);
    return Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()]);
  };
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of content) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length > PIECE_BYTES) {
      yield close(rest.subarray(0, PIECE_BYTES), false);
      rest = rest.subarray(PIECE_BYTES);
    }
  }
  yield close(rest, true);
}

/**
 * The content of a sealed file.
 * @throws NanofleetError BACKUP_LOCKED when it does not open, BACKUP_INVALID when it is none, or damaged, or cut off
 */
export async function* unseal(file: AsyncIterable<Uint8Array>, opener: Opener): AsyncGenerator<Buffer> {
  const source = file[Symbol.asyncIterator]();
  const { header, rest: first } = await readHeader(source);
  const key = await keyOf(header, opener);
  const binding = bindingOf(header);
  let count = 0;
  const open = (sealed: Buffer, isLast: boolean): Buffer => {
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(count, { isLast }));
    decipher.setAAD(binding);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw damaged(`piece ${count} was changed, or the file was cut off`, cause);
    } finally {
      count += 1;
    }
  };
  let rest = first;
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    rest = Buffer.concat([rest, next.value]);
    while (rest.length > PIECE_BYTES + TAG_BYTES) {
      yield open(rest.subarray(0, PIECE_BYTES + TAG_BYTES), false);
      rest = rest.subarray(PIECE_BYTES + TAG_BYTES);
    }
  }
  if (rest.length < TAG_BYTES) throw damaged('it was cut off');
  yield open(rest, true);
}

const readHeader = async (source: AsyncIterator<Uint8Array>): Promise<{ header: string; rest: Buffer }> => {
  let read: Buffer = Buffer.alloc(0);
  for (;;) {
    const end = read.indexOf('\n', MAGIC.length);
    const isOurs = read.subarray(0, MAGIC.length).toString('latin1') === MAGIC.slice(0, read.length);
    if (!isOurs || (end < 0 && read.length > HEADER_BYTES_MAX)) throw damaged('it does not begin like one');
    if (end >= 0) return { header: read.subarray(0, end + 1).toString('utf8'), rest: read.subarray(end + 1) };
    const next = await source.next();
    if (next.done === true) throw damaged('it ends within its header');
    read = Buffer.concat([read, next.value]);
  }
};

const keyOf = async (header: string, opener: Opener): Promise<Uint8Array> => {
  for (const slot of slotsOf(header)) {
    const wrapping = await wrappingOf(slot, opener);
    const key = wrapping === null ? null : unwrap(wrapping, Buffer.from(slot.key, 'base64'));
    if (key !== null) return key;
  }
  const tried = 'passphrase' in opener ? 'this passphrase' : 'this key';
  throw new NanofleetError('BACKUP_LOCKED', `The backup does not open with ${tried}.`);
};

const slotsOf = (header: string): Slot[] => {
  try {
    return headerSchema.parse(JSON.parse(header.slice(MAGIC.length))).slots;
  } catch (cause) {
    throw damaged('its header cannot be read', cause);
  }
};

const wrappingOf = async (slot: Slot, opener: Opener): Promise<Uint8Array | null> => {
  if (slot.kind === 'passphrase') {
    if (!('passphrase' in opener)) return null;
    return stretch(opener.passphrase, { ...slot, salt: Buffer.from(slot.salt, 'base64') });
  }
  if (!('privateKey' in opener)) return null;
  const ephemeral = Buffer.from(slot.ephemeral, 'base64');
  const publicKey = createPublicKey({ key: ephemeral, format: 'der', type: 'spki' });
  return agree({ privateKey: opener.privateKey, publicKey }, ephemeral);
};

/** BACKUP_INVALID with its reason. */
export const damaged = (why: string, cause?: unknown) =>
  new NanofleetError('BACKUP_INVALID', `The file is no whole backup: ${why}.`, { cause });

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
