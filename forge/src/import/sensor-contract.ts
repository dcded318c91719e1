// Owns giving a foreign classifier of features or windows the contract of our sensor graphs: input `window` float32
// [1, channels, samples], output `logits` float32 [1, labels]. It never changes what the model computes but for a final Softmax,
// whose input orders labels alike and is what temperature and thresholds are fitted on.
import { NanofleetError } from '@nanofleet/protocol';
import type { Dimension, ModelSpec, NodeSpec, PortSpec } from '../onnx/model.ts';
import { tensorSpec } from '../onnx/tensor.ts';

const WINDOW = 'window';
const LOGITS = 'logits';
const SHAPE = 'window.shape';

/** A graph in our form. `samples` is 1 for a model of features. */
export interface SensorContract {
  readonly model: ModelSpec;
  readonly channels: number;
  readonly samples: number;
}

const refused = (why: string): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The model was refused: ${why}.`);

/** The model in our form. @param labels how many it must tell apart; @throws NanofleetError `GRAPH_UNSUPPORTED` */
export function sensorContract(model: ModelSpec, labels: number): SensorContract {
  const [input, ...others] = model.inputs;
  if (input === undefined || others.length > 0)
    throw refused(`it has ${model.inputs.length} inputs; a model of features or windows has one`);
  const [channels, samples] = windowSizes(input);
  const answer = answerOf(model, labels);
  const own = renamed({ ...model, nodes: answer.nodes });
  const given = own.inputs[0] ?? input;
  const dimensions = input.dimensions.length === 2 ? [1, channels] : [1, channels, samples];
  return {
    channels,
    samples,
    model: {
      ...own,
      inputs: [{ name: WINDOW, type: 'float32', dimensions: [1, channels, samples] }],
      outputs: [{ name: LOGITS, type: 'float32', dimensions: [1, labels] }],
      constants: [
        ...own.constants,
        tensorSpec(SHAPE, BigInt64Array.from(dimensions, BigInt), [dimensions.length]),
      ],
      nodes: [
        { operator: 'Reshape', inputs: [WINDOW, SHAPE], outputs: [given.name], attributes: {} },
        ...own.nodes,
        { operator: 'Identity', inputs: [`${PREFIX}${answer.name}`], outputs: [LOGITS], attributes: {} },
      ],
    },
  };
}

/** Before every name of the foreign graph, so that none meets one of ours. */
const PREFIX = 'given.';

function renamed(model: ModelSpec): ModelSpec {
  const name = (given: string): string => (given === '' ? '' : `${PREFIX}${given}`);
  return {
    ...model,
    inputs: model.inputs.map((port) => ({ ...port, name: name(port.name) })),
    constants: model.constants.map((constant) => ({ ...constant, name: name(constant.name) })),
    nodes: model.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(name),
      outputs: node.outputs.map(name),
    })),
  };
}

function windowSizes({ name, type, dimensions }: PortSpec): [number, number] {
  const shown = `${name} ${type} [${dimensions.join(', ')}]`;
  if (type !== 'float32') throw refused(`its input is ${shown}; float32 is needed`);
  const [batch, channels, samples = 1, ...further] = dimensions;
  if (channels === undefined || further.length > 0)
    throw refused(`its input is ${shown}; [batch, features] or [batch, channels, samples] is needed`);
  if (!isBatch(batch) || typeof channels === 'string' || typeof samples === 'string')
    throw refused(`its input is ${shown}; only the first size may vary: export it with fixed sizes`);
  return [channels, samples];
}

const isBatch = (size: Dimension | undefined): boolean => typeof size === 'string' || size === 1;

function answerOf(model: ModelSpec, labels: number): { name: string; nodes: readonly NodeSpec[] } {
  const [output, ...others] = model.outputs;
  if (output === undefined || others.length > 0)
    throw refused(
      `it has the outputs ${model.outputs.map(({ name }) => name).join(', ')}; export it with the logits or probabilities only`,
    );
  const last = output.dimensions.at(-1);
  if (
    output.type !== 'float32' ||
    output.dimensions.length !== 2 ||
    (typeof last === 'number' && last !== labels)
  )
    throw refused(
      `its output is ${output.name} ${output.type} [${output.dimensions.join(', ')}]; there are ${labels} labels, so float32 [batch, ${labels}] is needed`,
    );
  const softmax = model.nodes.find(({ outputs }) => outputs.includes(output.name));
  const [before] = softmax?.inputs ?? [];
  if (softmax?.operator !== 'Softmax' || before === undefined)
    return { name: output.name, nodes: model.nodes };
  return { name: before, nodes: model.nodes.filter((node) => node !== softmax) };
}
