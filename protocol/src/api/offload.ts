/**
 * Questions to bigger tiers: asking one, and what became of those of devices. Never shows a text. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, lineIdSchema, uuidSchema } from '../ids.ts';
import { TEXT_BYTES_MAX } from '../limits/local-intake.ts';
import {
  countSchema,
  errorCodeSchema,
  scoredSchema,
  tierSchema,
  unixMsSchema,
  versionSchema,
} from '../messages/vocabulary.ts';
import { bare, listOf, page, route } from './route.ts';

/** One question that a device sent on and what became of it; never its text. */
export const storedOffloadSchema = z.object({
  decision: uuidSchema,
  device: deviceIdSchema,
  receivedAt: unixMsSchema,
  status: z.enum(['waiting', 'answered', 'unanswered', 'expired']),
  tier: tierSchema.nullable(),
  label: z.string().nullable(),
  micros: z.number().nullable(),
});

/** Money as a whole number of millionths of the currency's unit. */
const microsSchema = z.int().min(0);
/** A day of UTC, `2026-11-25`. */
export const daySchema = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);

/** Money of one day. `reserved` is what calls in work may cost at most. */
export const cloudDaySchema = z.object({
  day: daySchema,
  spentMicros: microsSchema,
  reservedMicros: microsSchema,
  calls: countSchema,
});

/** Whether the provider is asked now: `closed` yes; `open` no, until a time; `half-open` one question tries. */
export const circuitSchema = z.enum(['closed', 'open', 'half-open']);

/** The provider as this controller was told of it, and how it fares; never its key. */
export const cloudProviderSchema = z.object({
  /** Host and port of its address. */
  target: z.string(),
  model: z.string(),
  currency: z.string(),
  deadlineMs: countSchema,
  /** Per million tokens, in and out. */
  inputMicros: microsSchema,
  outputMicros: microsSchema,
  budgetMicros: microsSchema,
  circuit: circuitSchema,
  /** When it is tried again; null while it is asked. */
  opensAt: unixMsSchema.nullable(),
  inWork: countSchema,
  lastSuccessAt: unixMsSchema.nullable(),
  lastFailureAt: unixMsSchema.nullable(),
  lastFailureCode: errorCodeSchema.nullable(),
});

/** The cloud tier: its provider (null without one), the money of today and of the days before, newest first. */
export const cloudSchema = z.object({
  provider: cloudProviderSchema.nullable(),
  today: cloudDaySchema,
  days: z.array(cloudDaySchema),
});

/** One call of a provider: who caused it, what became of it, what it cost. Never a text. */
export const cloudCallSchema = z.object({
  id: uuidSchema,
  at: unixMsSchema,
  device: deviceIdSchema,
  decision: uuidSchema,
  /** From 1; further ones are the retries of one question. */
  attempt: countSchema,
  target: z.string(),
  model: z.string(),
  state: z.enum(['open', 'answered', 'failed']),
  /** HTTP status, when there was one. */
  status: countSchema.nullable(),
  code: errorCodeSchema.nullable(),
  milliseconds: z.number().nullable(),
  /** Until the first content. */
  firstMilliseconds: z.number().nullable(),
  inputTokens: countSchema.nullable(),
  outputTokens: countSchema.nullable(),
  /** The provider stated no usage: tokens and cost are an estimate. */
  isEstimated: z.boolean(),
  reservedMicros: microsSchema,
  costMicros: microsSchema.nullable(),
  /** Keyed hash of the request: equal requests are seen as equal, and nothing else is. */
  requestHash: z.string(),
  /** Details that the device had replaced before the text left it, by kind. */
  redacted: z.record(z.string(), countSchema),
});

/** An intent that providers proposed for texts that a line has no label for. */
export const proposalSchema = z.object({
  line: lineIdSchema,
  name: z.string(),
  count: countSchema,
  firstAt: unixMsSchema,
  lastAt: unixMsSchema,
});

export type CloudDay = z.infer<typeof cloudDaySchema>;
export type CloudProvider = z.infer<typeof cloudProviderSchema>;
export type Cloud = z.infer<typeof cloudSchema>;
export type CloudCall = z.infer<typeof cloudCallSchema>;
export type Proposal = z.infer<typeof proposalSchema>;
export type StoredOffload = z.infer<typeof storedOffloadSchema>;

/** Routes of this part of the operator API. */
export const OFFLOAD_ROUTES = {
  ask: route({
    ...bare,
    method: 'POST',
    path: '/api/ask',
    role: 'operator',
    summary: 'Ask the mini tier',
    body: z.object({ text: z.string().min(1).max(TEXT_BYTES_MAX) }),
    answer: scoredSchema.extend({
      tier: tierSchema,
      version: versionSchema,
      digest: digestSchema,
      micros: z.number(),
    }),
  }),
  offloads: route({
    ...bare,
    method: 'GET',
    path: '/api/offloads',
    role: 'viewer',
    summary: 'Questions to bigger tiers, newest first, without text',
    query: z.object({ ...page, device: deviceIdSchema.optional() }),
    answer: listOf(storedOffloadSchema),
  }),
  cloud: route({
    ...bare,
    method: 'GET',
    path: '/api/cloud',
    role: 'viewer',
    summary: 'The provider, how it fares, and the money of the days',
    answer: cloudSchema,
  }),
  cloudCalls: route({
    ...bare,
    method: 'GET',
    path: '/api/cloud/calls',
    role: 'viewer',
    summary: 'Calls of the provider, newest first, without text',
    query: z.object({ ...page, device: deviceIdSchema.optional(), decision: uuidSchema.optional() }),
    answer: listOf(cloudCallSchema),
  }),
  proposals: route({
    ...bare,
    method: 'GET',
    path: '/api/cloud/proposals',
    role: 'viewer',
    summary: 'Intents that providers proposed, most frequent first',
    query: z.object(page),
    answer: listOf(proposalSchema),
  }),
} as const;
