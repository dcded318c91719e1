/**
 * What a device contributes to a federated round: the difference that its training made to the head, as int8 codes with
 * one scale per tensor. Big-endian:
 *
 *   0  magic "NFU1"       4  digest of the base bundle, 32 bytes     36  version of the label list, u32
 *  40  examples, u32     44  tensors, u16                            46  reserved, u16, zero
 *  48  per tensor, in the plan's order: elements, u32; scale, float32
 *   …  all codes, one byte each, in the same order
 *
 * 1.002 bytes per parameter for a head of 41 120. Never carries weights, only differences: value = code * scale.
 */
import { assert, NanofleetError } from './errors.ts';
import type { Digest } from './ids.ts';
import { UPDATE_BYTES_MAX, UPDATE_PARAMETERS_MAX, UPDATE_TENSORS_MAX } from './limits/learning.ts';

const MAGIC = 0x4e465531;
const HEADER_BYTES = 48;
const TENSOR_BYTES = 8;
const BASE_AT = 4;
const BASE_BYTES = 32;
/** Codes lie in ±127, so that the range is symmetric. */
const CODE_MIN = -127;

/** The differences of one tensor, row-major. */
export interface UpdateTensor {
  /** Positive and finite; 1 where all codes are 0. */
  readonly scale: number;
  readonly codes: Int8Array;
}

/** One device's contribution to a round. */
export interface Update {
  /** The bundle that the difference is relative to. */
  readonly base: Digest;
  readonly labelsVersion: number;
  /** Examples that it was trained on; the receiver caps it, since a device may say anything. */
  readonly examples: number;
  /** In the order of the plan. */
  readonly tensors: readonly UpdateTensor[];
}

const malformed = (why: string) =>
  new NanofleetError('UPDATE_MALFORMED', `A model update could not be decoded: ${why}.`);

const parametersOf = (tensors: readonly UpdateTensor[]): number =>
  tensors.reduce((sum, { codes }) => sum + codes.length, 0);

/** The bytes of an update; its sizes, scales and codes must be within the limits. */
export const encodeUpdate = (update: Update): Uint8Array => {
  const { tensors } = update;
  assert(tensors.length >= 1 && tensors.length <= UPDATE_TENSORS_MAX, 'an update has 1 to 64 tensors');
  assert(parametersOf(tensors) <= UPDATE_PARAMETERS_MAX, 'an update is within its limit');
  const codesAt = HEADER_BYTES + TENSOR_BYTES * tensors.length;
  const bytes = new Uint8Array(codesAt + parametersOf(tensors));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  writeDigest(bytes, update.base);
  view.setUint32(36, update.labelsVersion);
  view.setUint32(40, update.examples);
  view.setUint16(44, tensors.length);
  let at = codesAt;
  for (const [index, { scale, codes }] of tensors.entries()) {
    assert(isScale(Math.fround(scale)), 'a scale is positive and finite');
    assert(!codes.includes(CODE_MIN - 1), 'codes are symmetric');
    view.setUint32(HEADER_BYTES + TENSOR_BYTES * index, codes.length);
    view.setFloat32(HEADER_BYTES + TENSOR_BYTES * index + 4, scale);
    bytes.set(new Uint8Array(codes.buffer, codes.byteOffset, codes.length), at);
    at += codes.length;
  }
  return bytes;
};

const isScale = (scale: number): boolean => Number.isFinite(scale) && scale > 0;

const writeDigest = (bytes: Uint8Array, digest: Digest): void => {
  for (let index = 0; index < BASE_BYTES; index += 1) {
    bytes[BASE_AT + index] = Number.parseInt(digest.slice(index * 2, index * 2 + 2), 16);
  }
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Any 32 bytes are a digest. */
const readDigest = (bytes: Uint8Array): Digest => {
  let text = '';
  for (let at = BASE_AT; at < BASE_AT + BASE_BYTES; at += 1) text += HEX[bytes[at] ?? 0] ?? '';
  return text as Digest;
};

/**
 * The update in the bytes; its codes are views, not copies. Whether base, labels and sizes are those of the plan is the
 * caller's to check.
 * @throws NanofleetError UPDATE_MALFORMED, UPDATE_NOT_FINITE or UPDATE_TOO_LARGE; nothing else, for any bytes
 */
export const decodeUpdate = (bytes: Uint8Array): Update => {
  const update = readUpdate(bytes);
  const foreign = update.tensors.findIndex(({ codes }) => codes.includes(CODE_MIN - 1));
  if (foreign >= 0) throw malformed(`tensor ${foreign} holds the code -128`);
  return update;
};

/**
 * The same without a look at the codes, which costs more than averaging them: for who checks them on the way (the
 * aggregation kernel does).
 * @throws NanofleetError as decodeUpdate
 */
export const readUpdate = (bytes: Uint8Array): Update => {
  if (bytes.length > UPDATE_BYTES_MAX) throw tooLarge(bytes.length);
  if (bytes.length < HEADER_BYTES) throw malformed(`${bytes.length} bytes are less than its header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== MAGIC) throw malformed('it does not begin with NFU1');
  if (view.getUint16(46) !== 0) throw malformed('reserved bits are set');
  return {
    base: readDigest(bytes),
    labelsVersion: view.getUint32(36),
    examples: view.getUint32(40),
    tensors: readTensors(bytes, view),
  };
};

const readTensors = (bytes: Uint8Array, view: DataView): UpdateTensor[] => {
  const count = view.getUint16(44);
  if (count < 1 || count > UPDATE_TENSORS_MAX) throw malformed(`${count} tensors are not 1 to 64`);
  let at = HEADER_BYTES + TENSOR_BYTES * count;
  if (bytes.length < at) throw malformed('it ends within its header');
  const tensors: UpdateTensor[] = [];
  for (let index = 0; index < count; index += 1) {
    const elements = view.getUint32(HEADER_BYTES + TENSOR_BYTES * index);
    const scale = view.getFloat32(HEADER_BYTES + TENSOR_BYTES * index + 4);
    if (!isScale(scale)) throw notFinite(index, scale);
    if (elements > bytes.length - at)
      throw malformed(`tensor ${index} has ${elements} codes, fewer are there`);
    const codes = new Int8Array(bytes.buffer, bytes.byteOffset + at, elements);
    tensors.push({ scale, codes });
    at += elements;
  }
  if (at !== bytes.length) throw malformed(`${bytes.length - at} bytes follow its codes`);
  return tensors;
};

const notFinite = (tensor: number, scale: number) =>
  new NanofleetError('UPDATE_NOT_FINITE', `Tensor ${tensor} of a model update has the scale ${scale}.`);

const tooLarge = (bytes: number) =>
  new NanofleetError('UPDATE_TOO_LARGE', `A model update of ${bytes} bytes is over ${UPDATE_BYTES_MAX}.`);
