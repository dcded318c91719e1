/** Owns reading the output `logits` of a run: present, float32, one value per label. A graph that breaks this contract is refused. */
import { NanofleetError } from '@nanofleet/protocol';
import type { InferenceSession } from 'onnxruntime-node';

/** The logits of a run; @throws NanofleetError `MODEL_LOAD_FAILED` (met at load, when the golden vectors run). */
export function logitsOf(outputs: InferenceSession.OnnxValueMapType, labels: number): Float32Array {
  const values = outputs['logits']?.data;
  if (values instanceof Float32Array && values.length === labels) return values;
  throw new NanofleetError('MODEL_LOAD_FAILED', `The graph does not give ${labels} logits as float32.`, {
    facts: { labels },
  });
}
