/** Documents of release metadata from the controller: bounded, whatever it sends. Never judges what they say. */
import { BLOB_CHUNK_BYTES, METADATA_BYTES_MAX, NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import type { BlobSource } from '../ports/blob-source.ts';

const tooLarge = (name: string, bytes: number | string): NanofleetError =>
  new NanofleetError(
    'METADATA_TOO_LARGE',
    `the controller offers ${bytes} bytes as ${name}; at most ${METADATA_BYTES_MAX} are taken`,
  );

/** What a document is missing or endless means of it. */
const asMetadata = (name: string, thrown: unknown): NanofleetError => {
  const error = toNanofleetError(thrown);
  if (error.code === 'MESSAGE_TOO_LARGE') return tooLarge(name, 'endless');
  if (error.code !== 'BUNDLE_FILE_MISSING') return error;
  return new NanofleetError(
    'METADATA_MISSING',
    `the controller has no ${name}, without which nothing new is taken`,
    {
      cause: thrown,
    },
  );
};

/** The bytes of a document; @throws NanofleetError METADATA_MISSING, METADATA_TOO_LARGE, CONTROLLER_UNREACHABLE */
export const fetchMetadata = async (blobs: BlobSource, name: string): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = [];
  for (let from = 0; ; ) {
    const { bytes, totalBytes } = await blobs
      .fetch(name, { from, length: BLOB_CHUNK_BYTES })
      .catch((thrown) => {
        throw asMetadata(name, thrown);
      });
    pieces.push(bytes);
    from += bytes.length;
    if (Math.max(totalBytes, from) > METADATA_BYTES_MAX) throw tooLarge(name, Math.max(totalBytes, from));
    if (from >= totalBytes || bytes.length === 0) return Buffer.concat(pieces);
  }
};
