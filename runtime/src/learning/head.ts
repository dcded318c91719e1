/**
 * Owns the head of a model as it is trained: float32 weights [width, classes] and biases, its file, and how it comes out of a bundle's
 * int8 graph. Little-endian file: "NFH1", width, classes (uint32 each), weights row-major, biases (float32). Never trains.
 */
import { assert, LABELS_MAX, NanofleetError } from '@nanofleet/protocol';
import { type Initializer, listInitializers } from '../onnx/initializers.ts';

const MAGIC = 0x3148464e;
const HEADER_BYTES = 12;
const WIDTH_MAX = 65_536;

/** Names of the trainable tensors, in the order of plans and updates. */
export const HEAD_TENSORS = ['head.weight', 'head.bias'] as const;

/** The last layer of a model. */
export interface Head {
  readonly width: number;
  readonly classes: number;
  /** Row-major [width, classes]. */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** Bytes of the file of a head. */
export function encodeHead({ width, classes, weight, bias }: Head): Uint8Array {
  assert(weight.length === width * classes && bias.length === classes, 'a head has the size that it says');
  const bytes = new Uint8Array(HEADER_BYTES + 4 * (weight.length + bias.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, width, true);
  view.setUint32(8, classes, true);
  weight.forEach((value, at) => view.setFloat32(HEADER_BYTES + 4 * at, value, true));
  bias.forEach((value, at) => view.setFloat32(HEADER_BYTES + 4 * (weight.length + at), value, true));
  return bytes;
}

/** Reads the file of a head; @throws NanofleetError `MODEL_LOAD_FAILED` when it is malformed or holds no number. */
export function decodeHead(bytes: Uint8Array): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC)
    throw malformed('its header is wrong');
  const [width, classes] = [view.getUint32(4, true), view.getUint32(8, true)];
  if (width > WIDTH_MAX || classes > LABELS_MAX) throw malformed('its sizes are out of range');
  if (bytes.byteLength !== HEADER_BYTES + 4 * classes * (width + 1))
    throw malformed('its length does not fit its sizes');
  const floats = (from: number, length: number) =>
    Float32Array.from({ length }, (_, at) => view.getFloat32(HEADER_BYTES + 4 * (from + at), true));
  const head = { width, classes, weight: floats(0, width * classes), bias: floats(width * classes, classes) };
  if (!isFinite(head)) throw malformed('it holds what is no number');
  return head;
}

const isFinite = ({ weight, bias }: Head): boolean =>
  weight.every((value) => Number.isFinite(value)) && bias.every((value) => Number.isFinite(value));

/**
 * The head inside the graph `infer.int8` of a bundle, its weights as the codes stand for.
 * @throws NanofleetError `GRAPH_UNSUPPORTED` when the graph has no head of ours
 */
export function headOf(graph: Uint8Array): Head {
  const tensors = new Map(listInitializers(graph).map((tensor) => [tensor.name, tensor]));
  const find = (name: string): Initializer => {
    const tensor = tensors.get(name);
    if (tensor !== undefined) return tensor;
    throw new NanofleetError('GRAPH_UNSUPPORTED', `The graph was refused: it has no ${name} to train.`);
  };
  const codes = find('head.weight.int8');
  const [width = 0, classes = 0] = codes.dims;
  const scales = floatsOf(find('head.weight.scale'));
  const weight = Float32Array.from(
    new Int8Array(codes.raw.buffer, codes.raw.byteOffset, codes.raw.length),
    (code, at) => code * (scales[at % classes] ?? 0),
  );
  return { width, classes, weight, bias: floatsOf(find('head.bias')) };
}

const floatsOf = ({ raw }: Initializer): Float32Array => {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Float32Array.from({ length: raw.byteLength / 4 }, (_, at) => view.getFloat32(at * 4, true));
};

/** The head with further columns of zeros, for labels that are new. */
export function grownHead(head: Head, classes: number): Head {
  assert(classes >= head.classes, 'a head never loses labels');
  const weight = new Float32Array(head.width * classes);
  for (let row = 0; row < head.width; row += 1)
    weight.set(head.weight.subarray(row * head.classes, (row + 1) * head.classes), row * classes);
  const bias = new Float32Array(classes);
  bias.set(head.bias);
  return { width: head.width, classes, weight, bias };
}

const malformed = (why: string): NanofleetError =>
  new NanofleetError('MODEL_LOAD_FAILED', `The head was refused: ${why}.`);
