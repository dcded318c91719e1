// Owns giving a foreign classifier of features or windows the contract of our sensor graphs: input `window` float32
// [1, channels, samples], output `logits` float32 [1, labels]. It never changes what the model computes.
import type { ModelSpec, PortSpec } from '../onnx/model.ts';
import { tensorSpec } from '../onnx/tensor.ts';
import { foreignGraph, isBatch, own, refused, shown } from './foreign-graph.ts';

const WINDOW = 'window';
const SHAPE = 'window.shape';

/** A graph in our form. `samples` is 1 for a model of features. */
export interface SensorContract {
  readonly model: ModelSpec;
  readonly channels: number;
  readonly samples: number;
}

/** The model in our form. @param labels how many it must tell apart; @throws NanofleetError `GRAPH_UNSUPPORTED` */
export function sensorContract(given: ModelSpec, labels: number): SensorContract {
  const [input, ...others] = given.inputs;
  if (input === undefined || others.length > 0)
    throw refused(`it has ${given.inputs.length} inputs; a model of features or windows has one`);
  const [channels, samples] = windowSizes(input);
  const { model, last, outputs } = foreignGraph(given, labels);
  const dimensions = input.dimensions.length === 2 ? [1, channels] : [1, channels, samples];
  return {
    channels,
    samples,
    model: {
      ...model,
      inputs: [{ name: WINDOW, type: 'float32', dimensions: [1, channels, samples] }],
      outputs,
      constants: [
        ...model.constants,
        tensorSpec(SHAPE, BigInt64Array.from(dimensions, BigInt), [dimensions.length]),
      ],
      nodes: [
        { operator: 'Reshape', inputs: [WINDOW, SHAPE], outputs: [own(input.name)], attributes: {} },
        ...model.nodes,
        last,
      ],
    },
  };
}

function windowSizes(port: PortSpec): [number, number] {
  if (port.type !== 'float32') throw refused(`its input is ${shown(port)}; float32 is needed`);
  const [batch, channels, samples = 1, ...further] = port.dimensions;
  if (channels === undefined || further.length > 0)
    throw refused(`its input is ${shown(port)}; [batch, features] or [batch, channels, samples] is needed`);
  if (!isBatch(batch) || typeof channels === 'string' || typeof samples === 'string')
    throw refused(`its input is ${shown(port)}; only the first size may vary: export it with fixed sizes`);
  return [channels, samples];
}
