/**
 * Owns making a good graph bad: its logits go through a tail that costs time, memory or sense, or that is worked out, and
 * takes for ever, while the graph is loaded. For tests of who notices. Never part of the product.
 */
import { joinedBytes } from '../joined-bytes.ts';
import { fieldsOf } from '../onnx/protobuf-reader.ts';
import { bytes, FLOAT, INT64, message, node, raw, tensor } from './graph-fields.ts';

// Field numbers of onnx.proto3 (ModelProto, GraphProto, NodeProto).
const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const NODE_OUTPUT = 2;

/** What is wrong with a graph. */
export type Badness =
  /** Multiplies so many rows of 256 by a square matrix before it answers. */
  | { readonly kind: 'slow'; readonly rows: number }
  /** Holds so many numbers of 4 bytes that nobody needs. */
  | { readonly kind: 'heavy'; readonly numbers: number }
  /** Answers no numbers wherever its greatest logit is above a bound. */
  | { readonly kind: 'not-finite'; readonly above: number }
  /** Works out so many recurrent networks of 40,000 steps while it is loaded, one after the other: it takes time, not memory. */
  | { readonly kind: 'hanging'; readonly networks: number };

/** The bytes of a model whose answers go through a bad tail. @param labels how many logits it gives */
export function badGraph(model: Uint8Array, options: { badness: Badness; labels: number }): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const field of fieldsOf(model)) {
    const whole = model.subarray(field.from, field.to);
    parts.push(
      field.number === MODEL_GRAPH ? message(MODEL_GRAPH, ...badNodes(field.bytes, options)) : whole,
    );
  }
  return joinedBytes(parts);
}

function badNodes(graph: Uint8Array, options: { badness: Badness; labels: number }): Uint8Array[] {
  const fields = [...fieldsOf(graph)].map((field) => {
    const whole = graph.subarray(field.from, field.to);
    return field.number === GRAPH_NODE ? message(GRAPH_NODE, ...renamed(field.bytes)) : whole;
  });
  return [...fields, ...tailOf(options)];
}

/** A node whose output `logits` is called `sound`. */
const renamed = (fields: Uint8Array): Uint8Array[] =>
  [...fieldsOf(fields)].map((field) =>
    field.number === NODE_OUTPUT && new TextDecoder().decode(field.bytes) === 'logits'
      ? bytes(NODE_OUTPUT, 'sound')
      : fields.subarray(field.from, field.to),
  );

const int64 = (name: string, ...values: number[]): Uint8Array =>
  tensor(name, { dims: [values.length], type: INT64, raw: raw(BigInt64Array.from(values, BigInt)) });
const float = (name: string, value: number): Uint8Array =>
  tensor(name, { dims: [1], type: FLOAT, raw: raw(Float32Array.of(value)) });
/** Zeros that the graph works out for itself, so that its file stays small. */
const zeros = (name: string, ...dims: number[]): Uint8Array[] => [
  int64(`${name}.shape`, ...dims),
  node('ConstantOfShape', { inputs: [`${name}.shape`], outputs: [name] }),
];
/** Adds something that is zero. */
const plus = (name: string): Uint8Array => node('Add', { inputs: ['sound', name], outputs: ['logits'] });

function tailOf({ badness, labels }: { badness: Badness; labels: number }): Uint8Array[] {
  switch (badness.kind) {
    case 'slow':
      return slowTail(badness.rows, labels);
    case 'heavy':
      return [
        ...zeros('weight', badness.numbers),
        node('ArgMax', { inputs: ['sound'], outputs: ['at'] }),
        node('Gather', { inputs: ['weight', 'at'], outputs: ['nothing'] }),
        plus('nothing'),
      ];
    case 'not-finite':
      return [
        float('bound', badness.above),
        float('none', 0),
        node('ReduceMax', { inputs: ['sound'], outputs: ['greatest'] }),
        node('Sub', { inputs: ['bound', 'greatest'], outputs: ['left'] }),
        node('Log', { inputs: ['left'], outputs: ['log'] }),
        node('Mul', { inputs: ['log', 'none'], outputs: ['nothing'] }),
        plus('nothing'),
      ];
    case 'hanging':
      return hangingTail(badness.networks);
  }
}

const WIDTH = 256;

const slowTail = (rows: number, labels: number): Uint8Array[] => [
  ...zeros('wide', labels, WIDTH),
  ...zeros('square', WIDTH, WIDTH),
  int64('spread', rows, WIDTH),
  node('MatMul', { inputs: ['sound', 'wide'], outputs: ['one'] }),
  node('Expand', { inputs: ['one', 'spread'], outputs: ['many'] }),
  node('MatMul', { inputs: ['many', 'square'], outputs: ['product'] }),
  node('ReduceSum', { inputs: ['product'], outputs: ['nothing'] }),
  plus('nothing'),
];

const HANGING_STEPS = 40_000;
const HANGING_WIDTH = 256;

const hangingTail = (networks: number): Uint8Array[] => [
  ...zeros('steps', HANGING_STEPS, 1, 1),
  ...zeros('into', 1, HANGING_WIDTH, 1),
  ...zeros('over', 1, HANGING_WIDTH, HANGING_WIDTH),
  ...zeros('state.0', 1, 1, HANGING_WIDTH),
  ...Array.from({ length: networks }, (_, at) =>
    node('RNN', {
      inputs: ['steps', 'into', 'over', '', '', `state.${at}`],
      outputs: ['', `state.${at + 1}`],
      attributes: { hidden_size: HANGING_WIDTH },
    }),
  ),
  node('ReduceSum', { inputs: [`state.${networks}`], outputs: ['nothing'] }),
  plus('nothing'),
];
