/** Owns reading the outputs `logits` and `tags` of a run: present, float32, one value per label, per token and tag. A graph that breaks this contract is refused. */
import { type EntityParameters, NanofleetError } from '@nanofleet/protocol';
import type { InferenceSession } from 'onnxruntime-node';
import { tagCount } from '../text/entity-tags.ts';

/** The logits of a run; @throws NanofleetError `MODEL_LOAD_FAILED` (met at load, when the golden vectors run). */
export function logitsOf(outputs: InferenceSession.OnnxValueMapType, labels: number): Float32Array {
  const values = outputs['logits']?.data;
  if (values instanceof Float32Array && values.length === labels) return values;
  throw new NanofleetError('MODEL_LOAD_FAILED', `The graph does not give ${labels} logits as float32.`, {
    facts: { labels },
  });
}

/**
 * The scores of tags of a run, [tokens, tags], of at most `tokensMax` tokens.
 * @throws NanofleetError `MODEL_LOAD_FAILED` (met at load, when the golden vectors run)
 */
export function tagScoresOf(
  outputs: InferenceSession.OnnxValueMapType,
  { tokens, parameters }: { readonly tokens: number; readonly parameters: EntityParameters },
): Float32Array {
  const values = outputs['tags']?.data;
  const tags = tagCount(parameters.types.length);
  if (values instanceof Float32Array && values.length === Math.min(tokens, parameters.tokensMax) * tags)
    return values;
  throw new NanofleetError('MODEL_LOAD_FAILED', `The graph does not give ${tags} tags a token as float32.`, {
    facts: { tags },
  });
}
