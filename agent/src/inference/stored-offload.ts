/**
 * How a question to a bigger tier lies in the outbox: the request as it will be sent, and the digest of the bundle that
 * was not sure, so that the decision can be remembered again after a restart.
 */
import type { Decision, OffloadRequest } from '@nanofleet/protocol';

/** A stored question. */
export interface StoredOffload {
  readonly digest: Decision['digest'];
  readonly request: OffloadRequest;
  /** Asked for a gate, to judge two versions: no program waits for the answer, nor does a restart. */
  readonly isComparison?: true;
}

/** The payload of a question's record. */
export const encodeOffload = (offload: StoredOffload): string => JSON.stringify(offload);

/** The question in a payload: written by this program, behind a CRC, so no schema looks at it again. */
export const decodeOffload = (payload: string): StoredOffload => JSON.parse(payload) as StoredOffload;

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
