/**
 * Pieces of blobs over MQTT, for devices that reach the broker but not the controller's HTTP. A request is JSON, its answer one frame of
 * kind `blob` with the request's transfer as correlation, or this JSON when there is none. Never says that bytes are right.
 */
import { z } from 'zod';
import { NanofleetError } from '../errors.ts';
import { uuidSchema } from '../ids.ts';
import { BLOB_CHUNK_BYTES } from '../limits/models.ts';
import { countSchema, errorCodeSchema, proseSchema } from './vocabulary.ts';

/** A device asks for bytes `from` up to `from + length` of what has the name (`DEVICE_PATHS.blob`). */
export const blobRequestSchema = z.object({
  /** Fresh for each request. */
  transfer: uuidSchema,
  name: z.string().min(1).max(160),
  from: countSchema,
  length: z.int().min(1).max(BLOB_CHUNK_BYTES),
});

/** Why there is no frame. */
export const blobRefusalSchema = z.object({
  transfer: uuidSchema,
  code: errorCodeSchema,
  message: proseSchema,
});

export type BlobRequest = z.infer<typeof blobRequestSchema>;
export type BlobRefusal = z.infer<typeof blobRefusalSchema>;

/** Bytes of a frame's payload before the piece: the size of the whole, u64, big-endian. */
const TOTAL_BYTES = 8;

/** The payload of a frame of kind `blob`. */
export const encodeBlobPiece = (piece: { bytes: Uint8Array; totalBytes: number }): Uint8Array => {
  const payload = new Uint8Array(TOTAL_BYTES + piece.bytes.length);
  new DataView(payload.buffer).setBigUint64(0, BigInt(piece.totalBytes));
  payload.set(piece.bytes, TOTAL_BYTES);
  return payload;
};

/** The piece in a payload, a view; @throws NanofleetError FRAME_MALFORMED */
export const decodeBlobPiece = (payload: Uint8Array): { bytes: Uint8Array; totalBytes: number } => {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const totalBytes = payload.length < TOTAL_BYTES ? Number.NaN : Number(view.getBigUint64(0));
  if (Number.isSafeInteger(totalBytes)) return { bytes: payload.subarray(TOTAL_BYTES), totalBytes };
  throw new NanofleetError('FRAME_MALFORMED', 'a piece of a blob does not say how long the whole is');
};
