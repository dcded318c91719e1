// Owns what contracts of sensor windows and of texts have in common: names of a foreign graph that meet none of ours, its one output of
// logits without a final Softmax, the error that refuses it. It never changes what a model computes but for that Softmax, whose input
// orders labels alike and is what temperature and thresholds are fitted on.
import { NanofleetError } from '@nanofleet/protocol';
import type { Dimension, ModelSpec, NodeSpec, PortSpec } from '../onnx/model.ts';

/** Name of the output of our graphs. */
export const LOGITS = 'logits';

/** Before every name of the foreign graph, so that none meets one of ours. */
const PREFIX = 'given.';

/** The refusal of a graph. */
export const refused = (why: string): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The model was refused: ${why}.`);

/** What a foreign graph becomes a part of. */
export interface ForeignGraph {
  /** Its nodes and constants under names of their own, its inputs not yet ours. */
  readonly model: ModelSpec;
  /** Gives the logits their name; goes after its nodes. */
  readonly last: NodeSpec;
  readonly outputs: readonly PortSpec[];
}

/** The graph under names of its own, with one output of logits. @throws NanofleetError `GRAPH_UNSUPPORTED` */
export function foreignGraph(model: ModelSpec, labels: number): ForeignGraph {
  const answer = answerOf(model, labels);
  return {
    model: renamed({ ...model, nodes: answer.nodes }),
    last: { operator: 'Identity', inputs: [own(answer.name)], outputs: [LOGITS], attributes: {} },
    outputs: [{ name: LOGITS, type: 'float32', dimensions: [1, labels] }],
  };
}

/** The name that a value of the foreign graph gets. */
export const own = (given: string): string => (given === '' ? '' : `${PREFIX}${given}`);

function renamed(model: ModelSpec): ModelSpec {
  return {
    ...model,
    inputs: model.inputs.map((port) => ({ ...port, name: own(port.name) })),
    constants: model.constants.map((constant) => ({ ...constant, name: own(constant.name) })),
    nodes: model.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(own),
      outputs: node.outputs.map(own),
    })),
  };
}

/** Whether a first dimension can be one. */
export const isBatch = (size: Dimension | undefined): boolean => typeof size === 'string' || size === 1;

/** A port as messages show it. */
export const shown = ({ name, type, dimensions }: PortSpec): string =>
  `${name} ${type} [${dimensions.join(', ')}]`;

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
      `its output is ${shown(output)}; there are ${labels} labels, so float32 [batch, ${labels}] is needed`,
    );
  const softmax = model.nodes.find(({ outputs }) => outputs.includes(output.name));
  const [before] = softmax?.inputs ?? [];
  if (softmax?.operator !== 'Softmax' || before === undefined)
    return { name: output.name, nodes: model.nodes };
  return { name: before, nodes: model.nodes.filter((node) => node !== softmax) };
}
