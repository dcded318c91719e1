/**
 * How a question to a bigger tier lies in the outbox: the request as it will be sent, and the digest of the bundle that
 * was not sure, so that the decision can be remembered again after a restart.
 */
import { type Decision, digestSchema, type OffloadRequest, offloadRequestSchema } from '@nanofleet/protocol';
import { z } from 'zod';

const schema = z.object({ digest: digestSchema, request: offloadRequestSchema });

/** A stored question. */
export interface StoredOffload {
  readonly digest: Decision['digest'];
  readonly request: OffloadRequest;
}

/** The payload of a question's record. */
export const encodeOffload = (offload: StoredOffload): string => JSON.stringify(offload);

/** The question in a payload. Throws for a payload that no version of ours wrote. */
export const decodeOffload = (payload: string): StoredOffload => schema.parse(JSON.parse(payload));

/** The decision behind a question that is still awaited after a restart. */
export const decisionOf = ({ digest, request }: StoredOffload): Decision => ({
  id: request.decision,
  line: request.line,
  version: request.version,
  digest,
  ...request.local,
  tier: 'nano',
  micros: 0,
  offload: { status: 'queued' },
});
