// Owns giving a foreign classifier of texts the contract of a bundle with a tokenizer: inputs `input_ids` and, where it takes them,
// `attention_mask` and `token_type_ids`, int64 [1, tokens]; output `logits` float32 [1, labels]. It never changes what the model computes.
import type { TokenizerParameters } from '@nanofleet/protocol';
import { TOKEN_INPUTS } from '@nanofleet/runtime/node';
import type { ModelSpec, PortSpec } from '../onnx/model.ts';
import { foreignGraph, isBatch, own, refused, shown } from './foreign-graph.ts';

/** A graph in our form, and what it takes beside the ids. */
export interface TextContract extends Pick<TokenizerParameters, 'attentionMask' | 'tokenTypes'> {
  readonly model: ModelSpec;
}

/** The model in our form. @param labels how many it must tell apart; @throws NanofleetError `GRAPH_UNSUPPORTED` */
export function textContract(given: ModelSpec, labels: number): TextContract {
  const names = given.inputs.map(({ name }) => name);
  const known: readonly string[] = Object.values(TOKEN_INPUTS);
  if (!names.includes(TOKEN_INPUTS.ids) || names.some((name) => !known.includes(name)))
    throw refused(
      `its inputs are ${names.join(', ')}; a model of texts takes ${TOKEN_INPUTS.ids} and may take ${TOKEN_INPUTS.mask} and ${TOKEN_INPUTS.types}`,
    );
  given.inputs.forEach(checkPort);
  const { model, last, outputs } = foreignGraph(given, labels);
  return {
    attentionMask: names.includes(TOKEN_INPUTS.mask),
    tokenTypes: names.includes(TOKEN_INPUTS.types),
    model: {
      ...model,
      inputs: names.map((name) => ({ name, type: 'int64', dimensions: [1, 'tokens'] })),
      outputs,
      nodes: [
        ...names.map((name) => ({
          operator: 'Identity',
          inputs: [name],
          outputs: [own(name)],
          attributes: {},
        })),
        ...model.nodes,
        last,
      ],
    },
  };
}

function checkPort(port: PortSpec): void {
  const [batch, tokens, ...further] = port.dimensions;
  if (port.type === 'int64' && isBatch(batch) && typeof tokens === 'string' && further.length === 0) return;
  throw refused(
    `its input is ${shown(port)}; int64 [batch, sequence] is needed, with a sequence that varies: no text is padded on a device`,
  );
}
