/**
 * Owns reading a bundle's bytes from a directory, bounded: the manifest and its signature, then the files that the manifest lists.
 * Never trusts a name or a size before the manifest was checked, and never runs anything.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, NanofleetError, SIGNATURE_FILE } from '@nanofleet/protocol';

const SIGNATURE_BYTES_MAX = 1024;

/** Where the bytes of a bundle come from; a directory or what a download holds in memory. */
export interface BundleSource {
  /** Exact bytes of manifest.json. */
  manifest(): Promise<Uint8Array>;
  /** Bytes of manifest.sig, or undefined when there is none. */
  signature(): Promise<Uint8Array | undefined>;
  /** Bytes of a file that the manifest lists, `bytes` long; rejects with `BUNDLE_FILE_MISSING` or `DIGEST_MISMATCH` (size). */
  file(name: string, bytes: number): Promise<Uint8Array>;
}

/** A bundle in a directory. */
export const directorySource = (directory: string): BundleSource => ({
  manifest: () => readAtMost(directory, { name: MANIFEST_FILE, bytesMax: MANIFEST_BYTES_MAX }),
  signature: () =>
    readAtMost(directory, { name: SIGNATURE_FILE, bytesMax: SIGNATURE_BYTES_MAX }).catch(
      (thrown: unknown) => {
        if (thrown instanceof NanofleetError && thrown.code === 'BUNDLE_FILE_MISSING') return undefined;
        throw thrown;
      },
    ),
  file: (name, bytes) => readAtMost(directory, { name, bytesMax: bytes }),
});

/** A bundle whose files are in memory, by name, `manifest.json` and `manifest.sig` among them. */
export const memorySource = (files: ReadonlyMap<string, Uint8Array>): BundleSource => ({
  manifest: () => Promise.resolve().then(() => files.get(MANIFEST_FILE) ?? missing(MANIFEST_FILE)),
  signature: () => Promise.resolve(files.get(SIGNATURE_FILE)),
  file: (name) => Promise.resolve().then(() => files.get(name) ?? missing(name)),
});

/** Reads a whole file, but refuses one that is larger than stated before it fills the memory. */
async function readAtMost(
  directory: string,
  { name, bytesMax }: { name: string; bytesMax: number },
): Promise<Uint8Array> {
  const file = await open(join(directory, name), 'r').catch((cause: unknown) => missing(name, cause));
  try {
    const { size } = await file.stat();
    if (size > bytesMax) {
      const problem = `${name} has ${size} bytes; at most ${bytesMax} belong there.`;
      throw new NanofleetError('BUNDLE_TOO_LARGE', problem, { facts: { file: name, bytes: size, bytesMax } });
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function missing(name: string, cause?: unknown): never {
  throw new NanofleetError('BUNDLE_FILE_MISSING', `${name} is missing in the bundle or cannot be read.`, {
    cause,
    facts: { file: name },
  });
}
