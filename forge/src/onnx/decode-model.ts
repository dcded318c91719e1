// Owns reading an .onnx file that another program wrote into the plain values of model.ts: weights inline in any of their forms,
// constants out of Constant nodes. What it does not know is refused with GRAPH_UNSUPPORTED. It never judges operators or runs a graph.
// Field numbers: onnx/onnx.proto3 of ONNX 1.16.
import { NanofleetError } from '@nanofleet/protocol';
import { type Field, fieldsOf, packedVarints } from '@nanofleet/runtime';
import {
  type AttributeSpec,
  type Dimension,
  ELEMENT_TYPES,
  type ElementType,
  type ModelSpec,
  type NodeSpec,
  type PortSpec,
  type TensorSpec,
} from './model.ts';
import { type TensorElements, tensorSpec } from './tensor.ts';

const OPSETS = { lowest: 11, highest: 21 } as const;
const ATTRIBUTE_KINDS = { 1: 'float', 2: 'int', 3: 'text', 4: 'tensor', 6: 'floats', 7: 'ints' } as const;

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const unsupported = (why: string): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The graph was refused: ${why}.`);

/** The fields of a message by number. */
function grouped(message: Uint8Array): (number: number) => readonly Field[] {
  const fields = Array.from(fieldsOf(message));
  return (number) => fields.filter((field) => field.number === number);
}

/** The description of an ONNX model of opset 11 to 21; @throws NanofleetError `GRAPH_UNSUPPORTED` */
export function decodeModel(bytes: Uint8Array): ModelSpec & { readonly opset: number } {
  const model = grouped(bytes);
  const [graph] = model(7);
  if (graph === undefined || model(7).length > 1) throw unsupported('the file is no ONNX model');
  const part = grouped(graph.bytes);
  if (part(15).length > 0) throw unsupported('it holds sparse weights; export it with dense ones');
  const nodes = part(1).map(({ bytes: node }) => nodeOf(node));
  const constants = part(5).map(({ bytes: tensor }) => tensorOf(tensor));
  const known = new Set(constants.map(({ name }) => name));
  return {
    name: textOf(part(2)[0]?.bytes ?? new Uint8Array()),
    opset: opsetOf(model(8)),
    nodes: nodes.filter((node) => constantOf(node) === null),
    constants: [...constants, ...nodes.flatMap((node) => constantOf(node) ?? [])],
    // Old exporters list weights among the inputs, too.
    inputs: part(11).flatMap((port) => portOf(port.bytes, known)),
    outputs: part(12).flatMap((port) => portOf(port.bytes, new Set())),
    metadata: {},
  };
}

function opsetOf(imports: readonly Field[]): number {
  for (const { bytes } of imports) {
    const part = grouped(bytes);
    const domain = textOf(part(1)[0]?.bytes ?? new Uint8Array());
    if (domain !== '' && domain !== 'ai.onnx') continue;
    const version = part(2)[0]?.value ?? 0;
    if (version >= OPSETS.lowest && version <= OPSETS.highest) return version;
    throw unsupported(
      `it has opset ${version}; export it with one from ${OPSETS.lowest} to ${OPSETS.highest}`,
    );
  }
  throw unsupported('it names no opset of the standard operators');
}

function nodeOf(bytes: Uint8Array): NodeSpec {
  const part = grouped(bytes);
  const operator = textOf(part(4)[0]?.bytes ?? new Uint8Array());
  return {
    operator,
    inputs: part(1).map((field) => textOf(field.bytes)),
    outputs: part(2).map((field) => textOf(field.bytes)),
    attributes: Object.fromEntries(part(5).map((field) => attributeOf(field.bytes, operator))),
  };
}

function constantOf({ operator, outputs, attributes }: NodeSpec): TensorSpec | null {
  const value = attributes['value'];
  if (operator !== 'Constant' || value?.kind !== 'tensor') return null;
  return { ...value.value, name: outputs[0] ?? '' };
}

function attributeOf(message: Uint8Array, operator: string): [string, AttributeSpec] {
  const part = grouped(message);
  const name = textOf(part(1)[0]?.bytes ?? new Uint8Array());
  const type = part(20)[0]?.value ?? 0;
  const kind = Object.entries(ATTRIBUTE_KINDS).find(([number]) => Number(number) === type)?.[1];
  switch (kind) {
    case 'float':
      return [name, { kind, value: floatsOf(part(2), message)[0] ?? 0 }];
    case 'int':
      return [name, { kind, value: signedOf(part(3), message)[0] ?? 0 }];
    case 'text':
      return [name, { kind, value: textOf(part(4)[0]?.bytes ?? new Uint8Array()) }];
    case 'tensor':
      return [name, { kind, value: tensorOf(part(5)[0]?.bytes ?? new Uint8Array()) }];
    case 'floats':
      return [name, { kind, value: floatsOf(part(7), message) }];
    case 'ints':
      return [name, { kind, value: signedOf(part(8), message) }];
    default:
      throw unsupported(`the attribute ${name} of ${operator} has the type ${type}`);
  }
}

/** A repeated float field, packed or not. */
const floatsOf = (fields: readonly Field[], message: Uint8Array): number[] =>
  fields.flatMap(({ wire, bytes, to }) => {
    const raw =
      wire === 5
        ? Uint8Array.from(message.subarray(to - 4, to))
        : Uint8Array.from(bytes.subarray(0, bytes.length - (bytes.length % 4)));
    return Array.from(new Float32Array(raw.buffer, 0, raw.length / 4));
  });

/** A repeated int64 field, packed or not; negative numbers take ten bytes of two's complement. */
const signedOf = (fields: readonly Field[], message: Uint8Array): number[] =>
  fields.flatMap(({ wire, bytes, from, to }) =>
    wire === 0 ? varintsOf(message.subarray(from, to)).slice(1) : varintsOf(bytes),
  );

function varintsOf(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let [value, shift] = [0n, 0n];
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    values.push(Number(BigInt.asIntN(64, value)));
    [value, shift] = [0n, 0n];
  }
  return values;
}

function tensorOf(message: Uint8Array): TensorSpec {
  const part = grouped(message);
  const name = textOf(part(8)[0]?.bytes ?? new Uint8Array());
  if (part(13).length > 0 || (part(14)[0]?.value ?? 0) !== 0)
    throw unsupported(`the weight ${name} lies in another file; export the model as one file`);
  const dimensions = part(1).flatMap((field) => [...packedVarints(field)]);
  const type = elementTypeOf(part(2)[0]?.value ?? 0, name);
  const [raw] = part(9);
  const spec =
    raw === undefined
      ? tensorSpecOf(name, { type, dimensions, floats: floatsOf(part(4), message), part, message })
      : { name, type, dimensions, raw: raw.bytes };
  const expected = dimensions.reduce((product, size) => product * size, ELEMENT_BYTES[type]);
  if (spec.raw.length === expected) return spec;
  throw unsupported(`the weight ${name} has ${spec.raw.length} bytes, its shape needs ${expected}`);
}

const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
};

/** A tensor whose elements lie in typed fields instead of bytes: `float_data`, `int32_data` (small integers, too), `int64_data`. */
function tensorSpecOf(
  name: string,
  options: {
    readonly type: ElementType;
    readonly dimensions: readonly number[];
    readonly floats: readonly number[];
    readonly part: (number: number) => readonly Field[];
    readonly message: Uint8Array;
  },
): TensorSpec {
  const { type, dimensions, floats, part, message } = options;
  const elements = elementsOf(type, {
    floats,
    small: signedOf(part(5), message),
    large: signedOf(part(7), message),
  });
  const count = dimensions.reduce((product, size) => product * size, 1);
  if (elements.length !== count)
    throw unsupported(`the weight ${name} has ${elements.length} elements, its shape needs ${count}`);
  return { ...tensorSpec(name, elements, dimensions), type };
}

function elementsOf(
  type: ElementType,
  { floats, small, large }: Readonly<Record<'floats' | 'small' | 'large', readonly number[]>>,
): TensorElements {
  if (type === 'float32') return Float32Array.from(floats);
  if (type === 'int64') return BigInt64Array.from(large, BigInt);
  if (type === 'int32') return Int32Array.from(small);
  return type === 'int8' ? Int8Array.from(small) : Uint8Array.from(small);
}

function elementTypeOf(number: number, name: string): ElementType {
  const types = Object.keys(ELEMENT_TYPES) as ElementType[];
  const type = types.find((candidate) => ELEMENT_TYPES[candidate] === number);
  if (type !== undefined) return type;
  throw unsupported(`${name} has the element type ${number}; export the model in float32`);
}

function portOf(message: Uint8Array, constants: ReadonlySet<string>): PortSpec[] {
  const part = grouped(message);
  const name = textOf(part(1)[0]?.bytes ?? new Uint8Array());
  if (constants.has(name)) return [];
  const [tensor] = grouped(part(2)[0]?.bytes ?? new Uint8Array())(1);
  if (tensor === undefined) throw unsupported(`${name} is no tensor`);
  const inner = grouped(tensor.bytes);
  const [shape] = inner(2);
  const dimensions =
    shape === undefined ? [] : grouped(shape.bytes)(1).map(({ bytes }) => dimensionOf(bytes));
  return [{ name, type: elementTypeOf(inner(1)[0]?.value ?? 0, name), dimensions }];
}

/** A dimension without size and name is as unknown as a named one. */
function dimensionOf(message: Uint8Array): Dimension {
  const part = grouped(message);
  return part(1)[0]?.value ?? textOf(part(2)[0]?.bytes ?? new TextEncoder().encode('?'));
}
