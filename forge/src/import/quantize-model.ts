// Owns writing the dense layers of a foreign graph in int8: MatMul and Gemm with a constant matrix become the same
// DynamicQuantizeLinear and MatMulInteger that our own graphs use (onnx/quantized-linear.ts). Other layers stay as they are.
import type { ManifestDraft } from '@nanofleet/protocol';
import { int } from '../onnx/attributes.ts';
import type { ModelSpec, NodeSpec, TensorSpec } from '../onnx/model.ts';
import { initializerNames, MATRIX_WEIGHT_BITS, quantizeColumns } from '../onnx/quantized-linear.ts';
import { floatsOf, tensorSpec } from '../onnx/tensor.ts';
import { readersOf } from './readers.ts';

/** A graph with int8 layers, and what the manifest says of their weights. */
export interface QuantizedModel {
  readonly model: ModelSpec;
  readonly quantization: ManifestDraft['quantization'];
}

/** A dense layer that can be written in int8; `transposed` says that the file keeps it [outputs, inputs]. */
interface Dense {
  readonly node: NodeSpec;
  readonly weight: TensorSpec;
  readonly transposed: boolean;
}

const FLOAT32 = 1;

/** The model with its dense layers in int8; a layer whose weight another node reads, too, stays. */
export function quantizeModel(model: ModelSpec): QuantizedModel {
  const found = model.nodes.flatMap((node) => denseOf(node, model));
  const byNode = new Map(found.map((dense) => [dense.node, dense]));
  const dropped = new Set(found.map(({ weight }) => weight.name));
  const made = found.map(quantizedWeight);
  return {
    model: {
      ...model,
      nodes: model.nodes.flatMap((node) => {
        const dense = byNode.get(node);
        return dense === undefined ? [node] : quantizedNodes(dense);
      }),
      constants: [...model.constants.filter(({ name }) => !dropped.has(name)), ...made.flat()],
    },
    quantization: found.map(({ weight }) => {
      const { codes, scales } = initializerNames(weight.name);
      return { tensor: codes, scaleTensor: scales, axis: 1, bits: MATRIX_WEIGHT_BITS };
    }),
  };
}

function denseOf(node: NodeSpec, { nodes, constants }: ModelSpec): Dense[] {
  if (node.operator !== 'MatMul' && node.operator !== 'Gemm') return [];
  const weight = constants.find(({ name }) => name === node.inputs[1]);
  if (weight?.type !== 'float32' || weight.dimensions.length !== 2) return [];
  if (readersOf(nodes, weight.name) > 1) return [];
  const { transA, transB, alpha, beta } = node.attributes;
  const isPlain = [alpha, beta].every((factor) => factor === undefined || factor.value === 1);
  if (!isPlain || (transA !== undefined && transA.value !== 0)) return [];
  return [{ node, weight, transposed: transB?.value === 1 }];
}

function quantizedWeight({ weight, transposed }: Dense): TensorSpec[] {
  const [rows = 0, columns = 0] = weight.dimensions;
  const values = floatsOf(weight);
  const [inputs, outputs] = transposed ? [columns, rows] : [rows, columns];
  const matrix = transposed
    ? Float32Array.from(values, (_, at) => values[(at % outputs) * inputs + Math.floor(at / outputs)] ?? 0)
    : values;
  const { quantized } = quantizeColumns(matrix, [inputs, outputs]);
  const names = initializerNames(weight.name);
  return [
    tensorSpec(names.codes, quantized.codes, [inputs, outputs]),
    tensorSpec(names.scales, quantized.scales, [outputs]),
  ];
}

/** The spelling that ONNX Runtime fuses into one kernel; scales are multiplied first, the bias is added last. */
function quantizedNodes({ node, weight }: Dense): NodeSpec[] {
  const [input = '', , bias] = node.inputs;
  const [output = ''] = node.outputs;
  const { codes, scales } = initializerNames(weight.name);
  const value = (part: string): string => `${output}.${part}`;
  const last = bias === undefined || bias === '' ? output : value('product');
  const call = (operator: string, inputs: readonly string[], outputs: readonly string[]): NodeSpec => ({
    operator,
    inputs,
    outputs,
    attributes: operator === 'Cast' ? { to: int(FLOAT32) } : {},
  });
  return [
    call('DynamicQuantizeLinear', [input], [value('codes'), value('step'), value('zero')]),
    call('MatMulInteger', [value('codes'), codes, value('zero')], [value('sums')]),
    call('Cast', [value('sums')], [value('real')]),
    call('Mul', [value('step'), scales], [value('steps')]),
    call('Mul', [value('real'), value('steps')], [last]),
    ...(last === output ? [] : [call('Add', [last, bias ?? ''], [output])]),
  ];
}
