// Behaviour of a download in chunks: what is fetched twice after a kill or a power cut at any change of the disk, and what becomes of
// wrong bytes and of wrong hashes.
import { BLOB_CHUNK_BYTES, chunksName, type StoredFile } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { dyingDisk, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import type { BlobSource } from '../ports/blob-source.ts';
import { fetchFile } from './file-fetch.ts';

const DIRECTORY = '/slots/intent/x.part';
const CONTENT = makeSeededRandom(1).bytes(5 * BLOB_CHUNK_BYTES + 777);
const FILE: StoredFile = { name: 'model.onnx', sha256: sha256Of(CONTENT), bytes: CONTENT.length };
const CHUNKS = Buffer.concat(
  Array.from({ length: 6 }, (_, at) =>
    Buffer.from(sha256Of(CONTENT.subarray(at * BLOB_CHUNK_BYTES, (at + 1) * BLOB_CHUNK_BYTES)), 'hex'),
  ),
);

interface Offer {
  readonly content?: (asked: number) => Uint8Array;
  readonly chunks?: Uint8Array | null;
}

/** A controller with the file, and where each piece of it began that was asked for. */
const offering = ({ content = () => CONTENT, chunks = CHUNKS }: Offer = {}) => {
  const asked: number[] = [];
  const blobs: BlobSource = {
    fetch: (name, { from, length }) => {
      if (name === chunksName(FILE.sha256)) {
        const list = chunks ?? new Uint8Array();
        return Promise.resolve({ bytes: list.subarray(from, from + length), totalBytes: list.length });
      }
      asked.push(from);
      const whole = content(asked.length);
      return Promise.resolve({ bytes: whole.subarray(from, from + length), totalBytes: whole.length });
    },
  };
  return { asked, blobs };
};

const emptyDisk = (): MemoryDisk => {
  const disk = new MemoryDisk();
  disk.makeDirectory(DIRECTORY);
  return disk;
};

const download = async (disk: ReturnType<typeof dyingDisk>, blobs: BlobSource): Promise<void> =>
  fetchFile(
    { disk, blobs, directory: DIRECTORY, signal: new AbortController().signal },
    FILE,
    () => undefined,
  );

const rotten = Uint8Array.from(CONTENT, (byte, at) => (at === 2 * BLOB_CHUNK_BYTES + 5 ? byte ^ 1 : byte));

describe('a download in chunks', () => {
  it.each([
    { how: 'one chunk twice at most', chunks: CHUNKS, most: 1 },
    { how: 'two at most without hashes', chunks: null, most: 2 },
  ])('fetches $how, after a kill or a power cut at any change', async ({ chunks, most }) => {
    let deaths = 0;
    for (let isDone = false; !isDone; deaths += 1) {
      const disk = emptyDisk();
      const first = offering({ chunks });
      isDone = await download(dyingDisk(disk, deaths), first.blobs).then(
        () => true,
        () => false,
      );
      for (const found of [disk.afterKill(), disk.afterPowerCut(makeSeededRandom(deaths))]) {
        found.makeDirectory(DIRECTORY);
        const second = offering({ chunks });
        await download(found, second.blobs);
        const twice = second.asked.filter((from) => first.asked.includes(from));
        expect(twice.length, `death at change ${deaths}`).toBeLessThanOrEqual(most);
        expect(sha256Of(found.read(`${DIRECTORY}/${FILE.name}`) ?? '')).toBe(FILE.sha256);
      }
    }
    expect(deaths).toBeGreaterThan(12);
  });

  it('asks once more for a chunk that came wrong, and for no other', async () => {
    const { asked, blobs } = offering({ content: (count) => (count === 3 ? rotten : CONTENT) });
    await download(emptyDisk(), blobs);
    expect(asked.map((from) => from / BLOB_CHUNK_BYTES)).toEqual([0, 1, 2, 2, 3, 4, 5]);
  });

  it('fetches a chunk again that the disk has changed, and all after it', async () => {
    const disk = emptyDisk();
    disk.open(`${DIRECTORY}/${FILE.name}`).write(rotten.subarray(0, 4 * BLOB_CHUNK_BYTES), 0);
    const { asked, blobs } = offering();
    await download(disk, blobs);
    expect(asked.map((from) => from / BLOB_CHUNK_BYTES)).toEqual([2, 3, 4, 5]);
  });

  it('is right although the hashes are wrong, for the digest of the whole judges', async () => {
    const disk = emptyDisk();
    await download(disk, offering({ chunks: new Uint8Array(CHUNKS.length) }).blobs);
    expect(sha256Of(disk.read(`${DIRECTORY}/${FILE.name}`) ?? '')).toBe(FILE.sha256);
  });

  it('is refused when every hash fits and the whole does not', async () => {
    const { blobs } = offering({ content: () => rotten, chunks: null });
    await expect(download(emptyDisk(), blobs)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
