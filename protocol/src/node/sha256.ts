/**
 * Owns SHA-256 of bytes and of files as this project writes it: 64 lower-case hex digits. Never compares secrets (see credential code).
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Digest } from '../ids.ts';

/** SHA-256 of bytes, or of a string's UTF-8 bytes. */
export const sha256Of = (bytes: Uint8Array | string): Digest =>
  createHash('sha256').update(bytes).digest('hex') as Digest;

/** SHA-256 of a file, read in chunks so that a large blob never lies in memory; rejects with the file system's error. */
export async function sha256OfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex') as Digest;
}
