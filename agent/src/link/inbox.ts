/**
 * What arrives: topic and bytes to a checked message for whoever owns it. A message that does not decode is counted and
 * dropped, whatever it holds; nothing that arrives can end the agent.
 */

import {
  type Ack,
  type Birth,
  type BlobRefusal,
  type Channel,
  type Desired,
  decodeFor,
  decodeFrame,
  type Frame,
  type FrameKind,
  isFrame,
  type Job,
  NanofleetError,
  type OffloadResponse,
  parseTopic,
  type RoundPlan,
  type RoundResult,
  toNanofleetError,
  type Uuid,
} from '@nanofleet/protocol';
import type { Log } from '@nanofleet/runtime/ports';

/** Who owns which message. */
export interface InboxHandlers {
  birth(body: Birth, options: { isRetained: boolean }): void;
  desired(body: Desired): void;
  ack(body: Ack): void;
  offload(body: OffloadResponse): void;
  job(id: Uuid, body: Job): void;
  /** @param remainingMs time left to the round's deadline when the plan was sent */
  roundPlan(round: Uuid, body: RoundPlan, options: { remainingMs: number }): void;
  roundResult(round: Uuid, body: RoundResult): void;
  /** A piece of a reply that a bigger tier is still writing; the decision is its correlation. */
  tokens(frame: Frame): void;
  /** A piece of a blob that was asked for; the request's transfer is its correlation. */
  blob(frame: Frame): void;
  blobRefused(body: BlobRefusal): void;
}

/** What the inbox needs. */
export interface InboxOptions {
  readonly device: string;
  readonly handlers: InboxHandlers;
  readonly log: Log;
  /** Told of each message that was dropped. */
  readonly dropped: () => void;
}

type RoundChannel = Extract<Channel, { kind: 'round' }>;

const dispatchRound = (
  { device, handlers }: Pick<InboxOptions, 'device' | 'handlers'>,
  { round, step }: RoundChannel,
  payload: Uint8Array,
): void => {
  if (step === 'plan') {
    const { body, remainingMs = 0 } = decodeFor({ kind: 'round/plan', device }, payload);
    handlers.roundPlan(round, body, { remainingMs });
  } else if (step === 'result') {
    handlers.roundResult(round, decodeFor({ kind: 'round/result', device }, payload).body);
  }
};

const frameOf = (kind: FrameKind, payload: Uint8Array): Frame => {
  const frame = decodeFrame(payload);
  if (frame.kind === kind) return frame;
  throw new NanofleetError('FRAME_MALFORMED', `a frame of ${frame.kind} came where ${kind} is due`);
};

const dispatch = (
  { device, handlers }: InboxOptions,
  arrived: { topic: string; payload: Uint8Array; isRetained: boolean },
): void => {
  const { topic, payload, isRetained } = arrived;
  const { channel } = parseTopic(topic);
  switch (channel.kind) {
    case 'birth':
      return handlers.birth(decodeFor({ kind: 'birth', device }, payload).body, { isRetained });
    case 'desired':
      return handlers.desired(decodeFor({ kind: 'desired', device }, payload).body);
    case 'ack':
      return handlers.ack(decodeFor({ kind: 'ack', device }, payload).body);
    case 'offload/res':
      if (isFrame(payload)) return handlers.tokens(frameOf('tokens', payload));
      return handlers.offload(decodeFor({ kind: 'offload/res', device }, payload).body);
    case 'blob/res':
      if (isFrame(payload)) return handlers.blob(frameOf('blob', payload));
      return handlers.blobRefused(decodeFor({ kind: 'blob/res', device }, payload).body);
    case 'job':
      return handlers.job(channel.job, decodeFor({ kind: 'job', device }, payload).body);
    case 'round':
      return dispatchRound({ device, handlers }, channel, payload);
    default:
      // Of a later version, or our own way up: nothing here owns it.
      return undefined;
  }
};

/** Makes the function that takes each message. An empty payload clears a retained topic and says nothing. */
export const makeInbox =
  (options: InboxOptions) =>
  (topic: string, payload: Uint8Array, { isRetained }: { isRetained: boolean }): void => {
    if (payload.length === 0) return;
    try {
      dispatch(options, { topic, payload, isRetained });
    } catch (thrown) {
      const { code, message } = toNanofleetError(thrown);
      options.dropped();
      options.log.warn('message-dropped', { topic: topic.slice(0, 200), code, why: message.slice(0, 300) });
    }
  };
