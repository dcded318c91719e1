/**
 * Owns the file of class prototypes: the mean penultimate features of each label and how many examples they come from. A device
 * rehearses old labels with them when it learns. Little-endian: "NFP1", classes, width (uint32 each), counts, means (float32).
 */
import { assert, LABELS_MAX, NanofleetError } from '@nanofleet/protocol';

const MAGIC = 0x3150464e;
const HEADER_BYTES = 12;
const WIDTH_MAX = 65_536;

/** Mean features per label. */
export interface Prototypes {
  /** Examples behind each mean, one per label. */
  readonly counts: Uint32Array;
  /** Features per label. */
  readonly width: number;
  /** Row-major means [labels, width]. */
  readonly means: Float32Array;
}

/** Bytes of the file `prototypes`. */
export function encodePrototypes({ counts, width, means }: Prototypes): Uint8Array {
  assert(means.length === counts.length * width, 'one row of means per label');
  const bytes = new Uint8Array(HEADER_BYTES + 4 * (counts.length + means.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, counts.length, true);
  view.setUint32(8, width, true);
  counts.forEach((count, at) => view.setUint32(HEADER_BYTES + 4 * at, count, true));
  means.forEach((mean, at) => view.setFloat32(HEADER_BYTES + 4 * (counts.length + at), mean, true));
  return bytes;
}

/** Reads the file `prototypes`; @throws NanofleetError `MODEL_LOAD_FAILED` when it is malformed. */
export function decodePrototypes(bytes: Uint8Array): Prototypes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC)
    throw malformed('its header is wrong');
  const [classes, width] = [view.getUint32(4, true), view.getUint32(8, true)];
  if (classes > LABELS_MAX || width > WIDTH_MAX) throw malformed('its sizes are out of range');
  if (bytes.byteLength !== HEADER_BYTES + 4 * classes * (1 + width))
    throw malformed('its length does not fit its sizes');
  const counts = Uint32Array.from({ length: classes }, (_, at) =>
    view.getUint32(HEADER_BYTES + 4 * at, true),
  );
  const from = HEADER_BYTES + 4 * classes;
  const means = Float32Array.from({ length: classes * width }, (_, at) =>
    view.getFloat32(from + 4 * at, true),
  );
  return { counts, width, means };
}

/** Mean features by class; a class without an example has count 0 and zeros. */
export function prototypesOf(
  features: Iterable<{ readonly label: number; readonly penultimate: Float32Array }>,
  { classes, width }: { readonly classes: number; readonly width: number },
): Prototypes {
  const counts = new Uint32Array(classes);
  const sums = new Float64Array(classes * width);
  for (const { label, penultimate } of features) {
    counts[label] = (counts[label] ?? 0) + 1;
    penultimate.forEach(
      (feature, at) => (sums[label * width + at] = (sums[label * width + at] ?? 0) + feature),
    );
  }
  return {
    counts,
    width,
    means: Float32Array.from(sums, (sum, at) => sum / Math.max(counts[Math.floor(at / width)] ?? 0, 1)),
  };
}

const malformed = (why: string): NanofleetError =>
  new NanofleetError('MODEL_LOAD_FAILED', `The prototypes of the bundle were refused: ${why}.`);
