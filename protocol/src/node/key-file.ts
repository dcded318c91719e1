/**
 * Owns files of private keys: PKCS#8 PEM, mode 0600, never overwritten, refused when others may read them. Knows nothing
 * of what a key is for.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NanofleetError } from '../errors.ts';

const OTHERS_MAY_READ = 0o077;

/** Kinds of keys, as Node names them, with the words of errors. */
const KINDS = { ed25519: 'Ed25519', ec: 'elliptic-curve' } as const;

/**
 * Writes a private key as PKCS#8 PEM into a new file of mode 0600; its directory is made with mode 0700 when missing.
 * @throws NanofleetError `KEY_FILE_INVALID` when the file exists: a key is never overwritten.
 */
export async function writeKeyFile(path: string, key: KeyObject): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const pem = key.export({ format: 'pem', type: 'pkcs8' });
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(pem);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const problem = `The key could not be written to ${path}; a key is never overwritten.`;
    throw new NanofleetError('KEY_FILE_INVALID', problem, { cause, facts: { path } });
  }
}

/**
 * Reads a private key that `writeKeyFile` wrote.
 * @throws NanofleetError `KEY_FILE_INVALID` when it is missing, readable for others, or of another kind.
 */
export async function readKeyFile(path: string, kind: keyof typeof KINDS): Promise<KeyObject> {
  const refuse = (why: string, cause?: unknown) =>
    new NanofleetError('KEY_FILE_INVALID', `The key file ${path} was refused: ${why}.`, {
      cause,
      facts: { path },
    });
  const pem = await readPem(path).catch((cause: unknown) => {
    throw refuse('it cannot be read', cause);
  });
  if ((pem.mode & OTHERS_MAY_READ) !== 0) throw refuse('others may read it; run chmod 600 on it');
  const key = parsePrivate(pem.text);
  if (key?.asymmetricKeyType !== kind) throw refuse(`it holds no ${KINDS[kind]} private key in PEM`);
  return key;
}

async function readPem(path: string): Promise<{ mode: number; text: string }> {
  const { mode } = await stat(path);
  return { mode, text: await readFile(path, 'utf8') };
}

function parsePrivate(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    // The caller reports the file; OpenSSL's own text could quote key material.
    return undefined;
  }
}
