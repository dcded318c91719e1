/**
 * The publishers' public keys: read from the files that a start names, kept in the state directory for the next one.
 * Never sees a private key: a file that holds one is refused, because it must not lie where this process can read it.
 */
import { createPublicKey } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

const KEYS_FILE = 'publisher-keys.json';
const RAW_BYTES = 32;
/** DER of a SubjectPublicKeyInfo for Ed25519 ahead of the key itself (RFC 8410 section 4). */
const SPKI_BYTES = 12;

/**
 * Keys for this start: those of the files, or else those of the start before; raw 32 bytes each.
 * @throws NanofleetError KEY_FILE_INVALID
 */
export const publisherKeys = async (directory: string, files: readonly string[]): Promise<Uint8Array[]> => {
  const path = join(directory, KEYS_FILE);
  if (files.length === 0) return readKept(path);
  const keys = await Promise.all(files.map(readPublicKey));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(`${path}.part`, JSON.stringify(keys.map((key) => Buffer.from(key).toString('base64'))));
  await rename(`${path}.part`, path);
  return keys;
};

const readKept = async (path: string): Promise<Uint8Array[]> => {
  const text = await readFile(path, 'utf8').catch(() => '[]');
  try {
    return z
      .array(z.base64())
      .parse(JSON.parse(text))
      .map((key) => Buffer.from(key, 'base64'));
  } catch (cause) {
    throw new NanofleetError('KEY_FILE_INVALID', `${path} cannot be read; start once with --publisher-key.`, {
      cause,
    });
  }
};

/** Reads an Ed25519 public key in PEM or as 32 bytes in base64; @throws NanofleetError KEY_FILE_INVALID */
const readPublicKey = async (path: string): Promise<Uint8Array> => {
  const refuse = (why: string, cause?: unknown) =>
    new NanofleetError('KEY_FILE_INVALID', `The publisher key ${path} was refused: ${why}.`, {
      cause,
      facts: { path },
    });
  const text = (
    await readFile(path, 'utf8').catch((cause: unknown) => {
      throw refuse('it cannot be read', cause);
    })
  ).trim();
  if (text.includes('PRIVATE KEY')) {
    throw refuse('it is a private key; the controller gets only the public one (nanofleet keys)');
  }
  const raw = text.startsWith('-----') ? fromPem(text) : Buffer.from(text, 'base64');
  if (raw?.length !== RAW_BYTES) throw refuse('it holds no Ed25519 public key in PEM or base64');
  return raw;
};

const fromPem = (text: string): Buffer | null => {
  try {
    const key = createPublicKey(text);
    if (key.asymmetricKeyType !== 'ed25519') return null;
    return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_BYTES);
  } catch {
    // The caller names the file; OpenSSL's text would not help.
    return null;
  }
};
