/**
 * Owns which operators a graph of a bundle may hold, and refusing a graph with others: before it runs, on the device as where it is made.
 * Plain arithmetic only: no control flow, no functions, no strings, no chance, no code of a graph's own. Never runs a graph.
 */
import { NanofleetError } from '@nanofleet/protocol';
import { fieldsOf } from './protobuf-reader.ts';

// Field numbers of onnx.proto3 (ModelProto, GraphProto, NodeProto).
const MODEL_GRAPH = 7;
const MODEL_FUNCTIONS = 25;
const GRAPH_NODE = 1;
const NODE_OPERATOR = 4;
const NODE_DOMAIN = 7;

/** The operators, all of the standard domain. */
export const ALLOWED_OPERATORS: ReadonlySet<string> = new Set(
  [
    'Abs Add And ArgMax AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv ConvInteger Cos',
    'DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand Flatten GRU Gather GatherElements Gelu Gemm',
    'GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Identity InstanceNormalization LSTM',
    'LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul MatMulInteger Max MaxPool Min Mul Neg Not Or',
    'PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RNN Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin',
    'ReduceSum Relu Reshape Selu Shape Sigmoid Sign Sin Slice Softmax Softplus Split Sqrt Squeeze Sub Sum Tanh Tile',
    'Transpose Unsqueeze Where',
  ].flatMap((line) => line.split(' ')),
);

/** Refuses a graph that holds another operator, or functions of its own; @throws NanofleetError `GRAPH_UNSUPPORTED` */
export function checkOperators(model: Uint8Array): void {
  const others = new Set<string>();
  for (const field of fieldsOf(model)) {
    if (field.number === MODEL_FUNCTIONS) others.add('a function of its own');
    if (field.number !== MODEL_GRAPH) continue;
    for (const node of fieldsOf(field.bytes)) {
      const operator = node.number === GRAPH_NODE ? operatorOf(node.bytes) : null;
      if (operator !== null && !ALLOWED_OPERATORS.has(operator)) others.add(operator);
    }
  }
  if (others.size === 0) return;
  const problem = `The graph was refused: it holds ${[...others].sort().slice(0, 8).join(', ')}. Allowed are ${[...ALLOWED_OPERATORS].join(', ')}.`;
  throw new NanofleetError('GRAPH_UNSUPPORTED', problem);
}

/** "Relu", or "ai.onnx.ml.Scaler" for one of another domain. */
function operatorOf(node: Uint8Array): string {
  let [name, domain] = ['', ''];
  for (const { number, bytes } of fieldsOf(node)) {
    if (number === NODE_OPERATOR) name = new TextDecoder().decode(bytes);
    if (number === NODE_DOMAIN) domain = new TextDecoder().decode(bytes);
  }
  return domain === '' || domain === 'ai.onnx' ? name : `${domain}.${name}`;
}
