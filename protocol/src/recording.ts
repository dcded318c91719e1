/**
 * Owns the file of a sensor recording: a header in JSON that says what the samples are, then 16-bit samples. Small enough to commit and
 * simple enough to read anywhere. Little-endian: "NFR1", header bytes (uint32), header, interleaved int16 samples.
 */
import { z } from 'zod';
import { assert, NanofleetError } from './errors.ts';
import { SENSOR_CHANNELS_MAX } from './limits/models.ts';

const MAGIC = 0x3152464e;
const HEADER_FROM = 8;
const HEADER_BYTES_MAX = 65_536;
const CODE_MAX = 32_767;

const spanSchema = z.object({
  /** What the machine truly did; for judging a model, never shown to it. */
  label: z.string().min(1).max(64),
  /** First sample, and the one after the last. */
  from: z.int().min(0),
  to: z.int().min(0),
});

const headerSchema = z.object({
  rateHz: z.number().positive().max(1e6),
  channels: z.array(z.string().min(1).max(32)).min(1).max(SENSOR_CHANNELS_MAX),
  unit: z.string().min(1).max(32),
  /** A sample's value is its 16-bit code times this. */
  scale: z.number().positive(),
  spans: z.array(spanSchema).max(1024),
  /** How the recording came about, in words. */
  source: z.string().max(1024),
});

/** A recording in memory. */
export interface Recording extends Omit<z.infer<typeof headerSchema>, 'scale'> {
  /** Interleaved values in `unit`: x0 y0 z0 x1 … */
  readonly values: Float32Array;
}

/** Bytes of a recording; its loudest value decides the step of the 16-bit codes. */
export function encodeRecording({ values, ...header }: Recording): Uint8Array {
  assert(values.length % header.channels.length === 0, 'a recording holds whole samples');
  const loudest = values.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);
  const scale = loudest === 0 ? 1 : loudest / CODE_MAX;
  const headerBytes = new TextEncoder().encode(JSON.stringify(headerSchema.parse({ ...header, scale })));
  // Padding keeps the samples on an even byte, as typed arrays want them.
  const samplesFrom = HEADER_FROM + headerBytes.length + (headerBytes.length % 2);
  const bytes = new Uint8Array(samplesFrom + 2 * values.length).fill(0x20, HEADER_FROM, samplesFrom);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, samplesFrom - HEADER_FROM, true);
  bytes.set(headerBytes, HEADER_FROM);
  values.forEach((value, at) => view.setInt16(samplesFrom + 2 * at, Math.round(value / scale), true));
  return bytes;
}

/** Reads a recording; @throws NanofleetError `FRAME_MALFORMED`. */
export function decodeRecording(bytes: Uint8Array): Recording {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_FROM || view.getUint32(0, true) !== MAGIC)
    throw malformed('it does not begin with NFR1');
  const samplesFrom = HEADER_FROM + view.getUint32(4, true);
  if (samplesFrom > Math.min(bytes.length, HEADER_BYTES_MAX)) throw malformed('its header is too long');
  const { scale, ...header } = readHeader(bytes.subarray(HEADER_FROM, samplesFrom));
  const count = (bytes.length - samplesFrom) / 2;
  if (count % header.channels.length !== 0) throw malformed('its last sample is torn');
  const values = Float32Array.from(
    { length: count },
    (_, at) => view.getInt16(samplesFrom + 2 * at, true) * scale,
  );
  return { ...header, values };
}

function readHeader(bytes: Uint8Array): z.infer<typeof headerSchema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed('its header is not JSON', cause);
  }
  const parsed = headerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw malformed(
    `its header's field ${parsed.error.issues[0]?.path.join('.') ?? ''} is not valid`,
    parsed.error,
  );
}

const malformed = (why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('FRAME_MALFORMED', `The recording was refused: ${why}.`, { cause });
