// Owns files of named float32 arrays with a JSON header: checkpoints and trained weights. A file is written beside its
// name, synced and renamed, so a kill leaves the old one or the new one, never half of one.
import { open, readFile, rename } from 'node:fs/promises';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

const headerSchema = z.object({
  meta: z.unknown(),
  arrays: z.array(z.object({ name: z.string(), length: z.int().min(0) })),
});

/** Named arrays and whatever JSON value belongs to them. */
export interface ArrayFile {
  readonly meta: unknown;
  readonly arrays: ReadonlyMap<string, Float32Array>;
}

/** Writes atomically: header length (uint32), header, arrays, all little endian, the arrays on a multiple of four bytes. */
export async function writeArrayFile(path: string, { meta, arrays }: ArrayFile): Promise<void> {
  const names = [...arrays].map(([name, array]) => ({ name, length: array.length }));
  const text = JSON.stringify({ meta, arrays: names });
  const header = Buffer.from(text.padEnd(text.length + ((4 - (Buffer.byteLength(text) % 4)) % 4)));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(header.length);
  const parts = [...arrays.values()].map((array) =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength),
  );
  await writeAtomically(path, Buffer.concat([size, header, ...parts]));
}

/** Writes bytes beside `path`, syncs them and renames. */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.partial`;
  const file = await open(beside, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}

/** The content of a file, or undefined if there is none. @throws NanofleetError STATE_CORRUPT if it cannot be read as one. */
export async function readArrayFile(path: string): Promise<ArrayFile | undefined> {
  const bytes = await bytesOf(path);
  if (!bytes) return undefined;
  try {
    return decode(bytes);
  } catch (cause) {
    throw new NanofleetError('STATE_CORRUPT', `${path} is not a file of weights; delete it to start afresh`, {
      cause,
    });
  }
}

async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function decode(bytes: Buffer): ArrayFile {
  const headerBytes = bytes.readUInt32LE(0);
  const header = headerSchema.parse(JSON.parse(bytes.toString('utf8', 4, 4 + headerBytes)));
  const arrays = new Map<string, Float32Array>();
  let at = 4 + headerBytes;
  for (const { name, length } of header.arrays) {
    const array = new Float32Array(length);
    // A copy: the file's buffer need not be aligned.
    new Uint8Array(array.buffer).set(bytes.subarray(at, at + length * 4));
    arrays.set(name, array);
    at += length * 4;
  }
  if (at !== bytes.length) throw new RangeError(`${bytes.length} bytes, the header says ${at}`);
  return { meta: header.meta, arrays };
}
