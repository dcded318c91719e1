/**
 * JSON control messages: one envelope around a body of a known kind, to bytes and back. A message that does not decode
 * gives a typed error; an unknown field is ignored, an unknown version is refused. Never touches a socket.
 */
import { z } from 'zod';
import { NanofleetError } from './errors.ts';
import { deviceIdSchema, epochSchema, uuidSchema } from './ids.ts';
import { OFFLOAD_DEADLINE_MAX_MS } from './limits/time.ts';
import { MESSAGE_BYTES_MAX } from './limits/wire.ts';
import { blobRefusalSchema, blobRequestSchema } from './messages/blobs.ts';
import { desiredSchema } from './messages/desired.ts';
import { jobSchema, jobStateSchema } from './messages/jobs.ts';
import { offloadRequestSchema, offloadResponseSchema } from './messages/offload.ts';
import { birthSchema, deathSchema, reportedSchema, sentBeatSchema } from './messages/presence.ts';
import { ackSchema, eventSchema } from './messages/records.ts';
import {
  roundAcceptSchema,
  roundKeysSchema,
  roundPlanSchema,
  roundResultSchema,
  roundSharesSchema,
  roundUnmaskSchema,
} from './messages/rounds.ts';
import { countSchema, unixMsSchema } from './messages/vocabulary.ts';
import type { Channel } from './topics.ts';

/** Version of the envelope; the topic root names the same generation. */
export const ENVELOPE_VERSION = 1;

/** Schema of the body of each kind. */
export const BODIES = {
  birth: birthSchema,
  death: deathSchema,
  beat: sentBeatSchema,
  reported: reportedSchema,
  desired: desiredSchema,
  event: eventSchema,
  ack: ackSchema,
  job: jobSchema,
  'job/state': jobStateSchema,
  'offload/req': offloadRequestSchema,
  'offload/res': offloadResponseSchema,
  'blob/req': blobRequestSchema,
  'blob/res': blobRefusalSchema,
  'round/plan': roundPlanSchema,
  'round/accept': roundAcceptSchema,
  'round/keys': roundKeysSchema,
  'round/shares': roundSharesSchema,
  'round/unmask': roundUnmaskSchema,
  'round/result': roundResultSchema,
} as const;

export type Kind = keyof typeof BODIES;
export type BodyOf<K extends Kind> = z.infer<(typeof BODIES)[K]>;

const headerSchema = z.object({
  /** Sender or addressee; must be the topic's. */
  device: deviceIdSchema,
  /** By the sender's clock, which may be wrong. */
  at: unixMsSchema,
  /** Identity of a record; its effect happens once. */
  record: z.object({ epoch: epochSchema, sequence: countSchema }).optional(),
  /** The decision, job or request that this belongs to. */
  correlation: uuidSchema.optional(),
  /** Time left when it was sent, milliseconds: clocks differ, durations do not. */
  remainingMs: z.int().min(0).max(OFFLOAD_DEADLINE_MAX_MS).optional(),
});

export type Header = z.infer<typeof headerSchema>;
/** A message of kind `K`. */
export type Message<K extends Kind = Kind> = K extends Kind
  ? Header & { readonly kind: K; readonly body: BodyOf<K> }
  : never;

const outerSchema = headerSchema.extend({ v: z.number(), kind: z.string().max(32), body: z.unknown() });
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The bytes of a message.
 * @throws NanofleetError MESSAGE_TOO_LARGE beyond MESSAGE_BYTES_MAX.
 */
export const encodeMessage = (message: Message): Uint8Array => {
  const { kind, body, ...header } = message;
  const bytes = encoder.encode(JSON.stringify({ v: ENVELOPE_VERSION, kind, ...header, body }));
  if (bytes.length > MESSAGE_BYTES_MAX) throw tooLarge(bytes.length);
  return bytes;
};

const tooLarge = (bytes: number) =>
  new NanofleetError(
    'MESSAGE_TOO_LARGE',
    `a message of ${bytes} bytes is over the limit of ${MESSAGE_BYTES_MAX}`,
  );

const malformed = (why: string, cause?: unknown) =>
  new NanofleetError('MESSAGE_MALFORMED', `a message could not be decoded: ${why}`, { cause });

const parseJson = (bytes: Uint8Array): unknown => {
  if (bytes.length > MESSAGE_BYTES_MAX) throw tooLarge(bytes.length);
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (cause) {
    throw malformed('it is not JSON in UTF-8', cause);
  }
};

/** The first complaint of a schema with the path it is about. */
export const firstIssue = (error: z.ZodError): string => {
  const issue = error.issues[0];
  return issue === undefined ? 'unknown' : `${issue.path.join('.') || 'value'}: ${issue.message}`;
};

/**
 * The message in the bytes.
 * @throws NanofleetError MESSAGE_MALFORMED, MESSAGE_VERSION_UNKNOWN or MESSAGE_TOO_LARGE; nothing else, for any bytes.
 */
export const decodeMessage = (bytes: Uint8Array): Message => {
  const outer = outerSchema.safeParse(parseJson(bytes));
  if (!outer.success) throw malformed(firstIssue(outer.error), outer.error);
  const { v, kind, body, ...header } = outer.data;
  if (v !== ENVELOPE_VERSION) {
    throw new NanofleetError(
      'MESSAGE_VERSION_UNKNOWN',
      `version ${v} of the envelope is not ${ENVELOPE_VERSION}; update the older side`,
    );
  }
  if (!Object.hasOwn(BODIES, kind)) throw malformed(`kind ${JSON.stringify(kind)} is unknown`);
  const parsed = BODIES[kind as Kind].safeParse(body);
  if (!parsed.success) throw malformed(`${kind}: ${firstIssue(parsed.error)}`, parsed.error);
  return { ...header, kind, body: parsed.data } as Message;
};

/** The kind that a channel carries; null for the two round steps that are binary frames. */
export const kindOfChannel = (channel: Channel): Kind | null => {
  if (channel.kind !== 'round') return channel.kind;
  return channel.step === 'masked' || channel.step === 'update' ? null : `round/${channel.step}`;
};

/**
 * Decodes a message that arrived on a channel of a device: kind and device must be those of the topic.
 * @throws NanofleetError as decodeMessage; MESSAGE_MALFORMED also when topic and message disagree.
 */
export const decodeFor = <K extends Kind>(
  expected: { kind: K; device: string },
  bytes: Uint8Array,
): Message<K> => {
  const message = decodeMessage(bytes);
  if (message.kind !== expected.kind || message.device !== expected.device) {
    throw malformed(
      `it says ${message.kind} of ${message.device} on a topic of ${expected.kind} of ${expected.device}`,
    );
  }
  return message as Message<K>;
};
