// Behaviour of Ed25519 keys: signatures fit only their own bytes and key, files are private and never overwritten.
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  fingerprintOf,
  generateSigningKey,
  isSignedBy,
  readSigningKey,
  signBytes,
  writeSigningKey,
} from './keys.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-keys-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const bytes = new TextEncoder().encode('the very bytes');

describe('a signature', () => {
  it('fits its bytes and key, and nothing else', () => {
    const key = generateSigningKey();
    const signature = signBytes(key, bytes);
    const changed = Uint8Array.from(bytes);
    changed[0] = 0;
    expect(isSignedBy(key.publicKey, { bytes, signature })).toBe(true);
    expect(isSignedBy(key.publicKey, { bytes: changed, signature })).toBe(false);
    expect(isSignedBy(generateSigningKey().publicKey, { bytes, signature })).toBe(false);
  });

  it('is false, not an exception, when key or signature are malformed', () => {
    const key = generateSigningKey();
    expect(isSignedBy(new Uint8Array(3), { bytes, signature: signBytes(key, bytes) })).toBe(false);
    expect(isSignedBy(new Uint8Array(32).fill(255), { bytes, signature: signBytes(key, bytes) })).toBe(false);
    expect(isSignedBy(key.publicKey, { bytes, signature: '??' })).toBe(false);
  });

  it('agrees with the first test vector of RFC 8032', () => {
    const publicKey = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
    const signature = Buffer.from(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
      'hex',
    ).toString('base64');
    expect(isSignedBy(publicKey, { bytes: new Uint8Array(), signature })).toBe(true);
  });
});

describe('a key file', () => {
  it('is read back as the same key and is readable for its owner only', async () => {
    const key = generateSigningKey();
    const path = join(directory, 'deep', 'publisher.pem');
    await writeSigningKey(path, key);
    const read = await readSigningKey(path);
    expect(read.fingerprint).toBe(key.fingerprint);
    expect(fingerprintOf(read.publicKey)).toBe(key.fingerprint);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'deep'))).mode & 0o777).toBe(0o700);
  });

  it('is never overwritten', async () => {
    const path = join(directory, 'key.pem');
    await writeSigningKey(path, generateSigningKey());
    const before = await readFile(path, 'utf8');
    await expect(writeSigningKey(path, generateSigningKey())).rejects.toMatchObject({
      code: 'KEY_FILE_INVALID',
    });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('is refused when missing, when others may read it, and when it holds something else', async () => {
    const path = join(directory, 'key.pem');
    await expect(readSigningKey(path)).rejects.toMatchObject({ code: 'KEY_FILE_INVALID' });
    await writeSigningKey(path, generateSigningKey());
    await chmod(path, 0o640);
    await expect(readSigningKey(path)).rejects.toThrow('chmod 600');
    await writeFile(join(directory, 'other.pem'), 'hello', { mode: 0o600 });
    await expect(readSigningKey(join(directory, 'other.pem'))).rejects.toThrow('no Ed25519');
  });
});
