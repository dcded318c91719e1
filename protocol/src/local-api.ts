/**
 * The agent's API for programs on the same device, over a Unix socket (0660) and loopback HTTP (bearer token from a
 * 0600 file). Owns the schemas of requests and answers; the paths are in `LOCAL_PATHS`. Every error is an RFC 9457
 * problem whose `code` is one of the registry.
 */

import { z } from 'zod';
import { foundEntitySchema } from './entities.ts';
import { explanationAnswerSchema } from './explanation.ts';
import { deviceIdSchema, digestSchema, fleetIdSchema, lineIdSchema, uuidSchema } from './ids.ts';
import { BATCH_ITEMS_MAX, SAMPLES_MAX } from './limits/local-intake.ts';
import { OFFLOAD_DEADLINE_MAX_MS } from './limits/time.ts';
import { learningStatusSchema } from './local-learning.ts';
import { agentReportSchema } from './messages/agent.ts';
import { entitySchema, proposedIntentSchema } from './messages/offload.ts';
import { beatSchema, engineSchema, lineReportSchema } from './messages/presence.ts';
import {
  countSchema,
  errorCodeSchema,
  explanationPolicySchema,
  labelSchema,
  offloadPolicySchema,
  perLine,
  proseSchema,
  scoredSchema,
  shareSchema,
  tierSchema,
  unixMsSchema,
  verdictSchema,
  versionSchema,
} from './messages/vocabulary.ts';

/** Paths of the local API. */
export const LOCAL_PATHS = {
  /** POST one text. */
  decide: '/v1/decide',
  /** POST many texts. */
  batch: '/v1/decide/batch',
  /** POST NDJSON of texts, answered line by line. */
  stream: '/v1/decide/stream',
  /** GET one decision, with the bigger tier's answer when it has come. Its reply as it comes: GET `replyPath`. */
  decision: '/v1/decisions/',
  /** POST sensor samples. */
  samples: '/v1/samples',
  /** GET state and health. */
  status: '/v1/status',
  /** GET counts per label of what is learnt from; POST a text with its label. A label of a decision: POST to `labelPath`. */
  examples: '/v1/examples',
  /** POST: forgets examples, and what else of texts is kept for learning. */
  wipe: '/v1/wipe',
  /** POST one message to a source of kind http: its name follows. */
  source: '/v1/sources/',
  /** GET what has ever left the device. */
  outbound: '/v1/outbound',
  /** GET whether the agent can answer. */
  health: '/healthz',
} as const;

/** Where the label of a decision is posted; `last` names the newest decision. */
export const labelPath = (decision: string): string => `${LOCAL_PATHS.decision}${decision}/label`;

/** Where the reply to a decision comes, as NDJSON of `replyLineSchema`. */
export const replyPath = (decision: string): string => `${LOCAL_PATHS.decision}${decision}/reply`;

const askFields = {
  /** Which model line; the only text line when left out. */
  line: lineIdSchema.optional(),
  /** Wait so long for a bigger tier when the own model is not sure; 0 answers at once (the default). */
  waitMs: z.int().min(0).max(60_000).optional(),
  /** Forget the offload when no answer came within this. */
  deadlineMs: z.int().min(1).max(OFFLOAD_DEADLINE_MAX_MS).optional(),
  /** Answer only after the decision's record is on disk. */
  durable: z.boolean().optional(),
  /** Say which words and n-grams decided; the device must allow it. */
  explain: z.boolean().optional(),
};

/** One text to decide on. */
export const decideRequestSchema = z.object({ text: z.string(), ...askFields });
/** Several texts to decide on, answered in their order. */
export const batchRequestSchema = z.object({ texts: z.array(z.string()).max(BATCH_ITEMS_MAX), ...askFields });

/** What became of asking a bigger tier. */
export const offloadOutcomeSchema = z.object({
  /** `none`: not needed. `refused`: policy or redaction. `unanswered`: the tiers were asked and none was sure. */
  status: z.enum(['none', 'refused', 'queued', 'answered', 'unanswered', 'expired']),
  code: errorCodeSchema.optional(),
  answer: z
    .object({
      tier: tierSchema,
      label: labelSchema.nullable(),
      confidence: shareSchema,
      outOfScope: shareSchema,
      verdict: verdictSchema,
      version: versionSchema.nullable(),
      /** From the question on this device to the answer on this device. */
      milliseconds: z.number().min(0),
      entities: z.array(entitySchema).optional(),
      /** For the person who asked. */
      reply: z.string().optional(),
      /** The text means something that the line has no label for. */
      proposed: proposedIntentSchema.optional(),
    })
    .optional(),
});

/** The answer to one text. */
export const decisionSchema = z.object({
  id: uuidSchema,
  line: lineIdSchema,
  version: versionSchema,
  digest: digestSchema,
  ...scoredSchema.shape,
  /** In order of their places; absent when the line's model finds none. Never leaves the device. */
  entities: z.array(foundEntitySchema).optional(),
  tier: tierSchema,
  /** Text to decision on this device, microseconds. */
  micros: z.number().min(0),
  offload: offloadOutcomeSchema,
  /** Only in the answer to the request that asked for it: it is neither remembered nor recorded, and never leaves the device. */
  explanation: explanationAnswerSchema.optional(),
});

/** One line of a batch's or stream's answer: a decision, or what was wrong with that item. */
export const itemAnswerSchema = z.union([
  decisionSchema,
  z.object({ error: z.object({ code: errorCodeSchema, message: proseSchema, item: countSchema }) }),
]);

/**
 * One line of a reply as it comes: a piece of the text, or at last the decision as it stands then. A piece with
 * `restart` begins the text anew: the bigger tier was asked again.
 */
export const replyLineSchema = z.union([
  z.object({ text: z.string(), restart: z.literal(true).optional() }),
  z.object({ decision: decisionSchema }),
]);

/** A piece of a sensor stream: samples in the order of time, channels side by side. */
export const samplesRequestSchema = z.object({
  line: lineIdSchema.optional(),
  rateHz: z.number(),
  /** One row per sample, one number per channel, in the unit that the bundle states. */
  samples: z.array(z.array(z.number())).max(SAMPLES_MAX),
});

/** The beginning or end of something that a sensor line has recognized. */
export const sensorEventViewSchema = z.object({
  occurrence: uuidSchema,
  phase: z.enum(['start', 'stop']),
  label: labelSchema,
  confidence: shareSchema,
  /** Samples since the stream began. */
  sample: countSchema,
  line: lineIdSchema,
  version: versionSchema,
});

/** What became of a piece of a sensor stream. */
export const samplesAnswerSchema = z.object({
  accepted: countSchema,
  windows: countSchema,
  events: z.array(sensorEventViewSchema),
});

/** What one data source of agent.yaml did since the agent started. */
export const sourceReportSchema = z.object({
  kind: z.enum(['mqtt', 'stdin', 'http', 'file', 'csv']),
  /** `waiting`: it, or its line, is tried again. `ended`: it has no more. */
  state: z.enum(['open', 'waiting', 'ended']),
  /** Messages that were used. */
  taken: countSchema,
  /** Samples that a sensor line got from them. */
  samples: countSchema,
  /** Messages that were not used. */
  dropped: z.object({
    /** Not of the form that agent.yaml says. */
    malformed: countSchema,
    /** Not later than the one before. */
    late: countSchema,
    /** The line did not take it. */
    refused: countSchema,
    /** The broker had kept it from before. */
    retained: countSchema,
    tooLarge: countSchema,
    /** Above the rate, or above what may wait. */
    tooMany: countSchema,
  }),
  /** Silences that ended a window. */
  gaps: countSchema,
  failures: countSchema,
  lastError: proseSchema.nullable(),
  lastTakenAt: unixMsSchema.nullable(),
});

/** What one sink of agent.yaml did since the agent started. */
export const sinkReportSchema = z.object({
  kind: z.enum(['mqtt', 'webhook', 'command', 'home-assistant']),
  /** `waiting`: it is tried again. */
  state: z.enum(['open', 'waiting']),
  /** Messages that it took. */
  sent: countSchema,
  /** Messages that it did not get. */
  dropped: z.object({
    /** The sink did not take it, or it lacks what a template names. */
    refused: countSchema,
    /** All its tries failed. */
    failed: countSchema,
    /** It was too old when its turn came. */
    expired: countSchema,
    /** Above what may wait. */
    tooMany: countSchema,
  }),
  /** Messages that wait now. */
  waiting: countSchema,
  failures: countSchema,
  lastError: proseSchema.nullable(),
  lastSentAt: unixMsSchema.nullable(),
});

/** What the agent says about itself: identity, link, lines, records, health. */
export const agentStatusSchema = z.object({
  fleet: fleetIdSchema.nullable(),
  device: deviceIdSchema.nullable(),
  link: z.enum(['connected', 'connecting', 'offline', 'identity-in-use', 'not-enrolled']),
  session: countSchema,
  /** What runs the models; an agent of 0.1.0 may not say. */
  engine: engineSchema.optional(),
  desiredVersion: countSchema,
  offload: offloadPolicySchema,
  /** What holds here: the group's policy, or `never` where the agent was started so. */
  explanations: explanationPolicySchema,
  lines: perLine(lineReportSchema),
  health: beatSchema.nullable(),
  /** Records not acknowledged yet, all classes. */
  waiting: countSchema,
  delivered: countSchema,
  learning: learningStatusSchema,
  /** By their names in agent.yaml. */
  sources: z.record(z.string(), sourceReportSchema),
  /** Likewise. */
  sinks: z.record(z.string(), sinkReportSchema),
  problems: z.array(z.object({ code: errorCodeSchema, message: proseSchema })),
  /** What the agent does about itself; left out by agents that do not upgrade themselves. */
  agent: agentReportSchema.optional(),
});

/** One thing that left the device; never its content. */
export const outboundEntrySchema = z.object({
  at: unixMsSchema,
  what: z.enum(['offload', 'update', 'sink']),
  decision: uuidSchema.optional(),
  /** The sink of agent.yaml that a text or its slots went to; only those on other machines are noted. */
  sink: z.string().optional(),
  /** The round of an update. */
  round: uuidSchema.optional(),
  bytes: countSchema,
  redacted: z.record(z.string(), countSchema),
  policy: offloadPolicySchema,
});

/** What has left the device: times, sizes and ids, never content. */
export const outboundAnswerSchema = z.object({
  entries: z.array(outboundEntrySchema),
  forgotten: countSchema,
});

/** RFC 9457 problem with a code of the registry; both HTTP APIs answer errors so. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: errorCodeSchema,
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

export type DecideRequest = z.infer<typeof decideRequestSchema>;
export type BatchRequest = z.infer<typeof batchRequestSchema>;
export type Decision = z.infer<typeof decisionSchema>;
export type OffloadOutcome = z.infer<typeof offloadOutcomeSchema>;
export type ReplyLine = z.infer<typeof replyLineSchema>;
export type ItemAnswer = z.infer<typeof itemAnswerSchema>;
export type SamplesRequest = z.infer<typeof samplesRequestSchema>;
export type SamplesAnswer = z.infer<typeof samplesAnswerSchema>;
export type SensorEventView = z.infer<typeof sensorEventViewSchema>;
export type AgentStatus = z.infer<typeof agentStatusSchema>;
export type SourceReport = z.infer<typeof sourceReportSchema>;
export type SinkReport = z.infer<typeof sinkReportSchema>;
export type OutboundEntry = z.infer<typeof outboundEntrySchema>;
export type OutboundAnswer = z.infer<typeof outboundAnswerSchema>;
export type Problem = z.infer<typeof problemSchema>;
