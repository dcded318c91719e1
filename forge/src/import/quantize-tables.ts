// Owns writing the tables of a foreign graph in int8: a Gather out of a constant matrix becomes a Gather of codes and one of the rows'
// scales. Other nodes stay as they are. An own file beside quantize-model.ts: tables have a scale a row, dense layers one a column.
import type { ManifestDraft } from '@nanofleet/protocol';
import { quantize } from '@nanofleet/runtime';
import { int } from '../onnx/attributes.ts';
import type { ModelSpec, NodeSpec, TensorSpec } from '../onnx/model.ts';
import { initializerNames } from '../onnx/quantized-linear.ts';
import { floatsOf, tensorSpec } from '../onnx/tensor.ts';
import { readersOf } from './readers.ts';

const BITS = 8;
const FLOAT32 = 1;
/** Below so many elements the scales and nodes outweigh what the codes save. */
const ELEMENTS_MIN = 1_024;

interface Table {
  readonly node: NodeSpec;
  readonly weight: TensorSpec;
}

/** The model with its tables in int8, and what the manifest says of them. */
export function quantizeTables(model: ModelSpec): {
  readonly model: ModelSpec;
  readonly quantization: ManifestDraft['quantization'];
} {
  const found = model.nodes.flatMap((node) => tableOf(node, model));
  const byNode = new Map(found.map((table) => [table.node, table]));
  const dropped = new Set(found.map(({ weight }) => weight.name));
  return {
    model: {
      ...model,
      nodes: model.nodes.flatMap((node) => {
        const table = byNode.get(node);
        return table === undefined ? [node] : gathered(table);
      }),
      constants: [...model.constants.filter(({ name }) => !dropped.has(name)), ...found.flatMap(codesOf)],
    },
    quantization: found.map(({ weight }) => {
      const { codes, scales } = initializerNames(weight.name);
      return { tensor: codes, scaleTensor: scales, axis: 0, bits: BITS };
    }),
  };
}

function tableOf(node: NodeSpec, { nodes, constants }: ModelSpec): Table[] {
  if (node.operator !== 'Gather' || (node.attributes['axis']?.value ?? 0) !== 0) return [];
  const weight = constants.find(({ name }) => name === node.inputs[0]);
  if (weight?.type !== 'float32' || weight.dimensions.length !== 2) return [];
  if (weight.raw.length < 4 * ELEMENTS_MIN || readersOf(nodes, weight.name) > 1) return [];
  return [{ node, weight }];
}

function codesOf({ weight }: Table): TensorSpec[] {
  const [rows = 0] = weight.dimensions;
  const { codes, scales } = quantize(floatsOf(weight), { shape: weight.dimensions, axis: 0, bits: BITS });
  const names = initializerNames(weight.name);
  return [tensorSpec(names.codes, codes, weight.dimensions), tensorSpec(names.scales, scales, [rows, 1])];
}

/** Plain operators: ONNX Runtime's kernel for quantized tables, GatherBlockQuantized, was seen to take 5 to 15 times the time of a Gather. */
function gathered({ node, weight }: Table): NodeSpec[] {
  const [, indices = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const { codes, scales } = initializerNames(weight.name);
  const value = (part: string): string => `${output}.${part}`;
  const gather = (table: string, into: string): NodeSpec => ({
    operator: 'Gather',
    inputs: [table, indices],
    outputs: [into],
    attributes: { axis: int(0) },
  });
  return [
    gather(codes, value('codes')),
    gather(scales, value('steps')),
    {
      operator: 'Cast',
      inputs: [value('codes')],
      outputs: [value('real')],
      attributes: { to: int(FLOAT32) },
    },
    { operator: 'Mul', inputs: [value('real'), value('steps')], outputs: [output], attributes: {} },
  ];
}
