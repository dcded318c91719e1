/**
 * Federated rounds as the operator API shows and drives them: rounds, the examples that judge them, the candidates that
 * they make. Owns these schemas and routes; never holds behaviour. No text of an example is ever given out.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, groupIdSchema, lineIdSchema, uuidSchema } from '../ids.ts';
import { BLOB_PART_BYTES_MAX, EXAMPLES_MAX } from '../limits/controller.ts';
import { TEXT_BYTES_MAX } from '../limits/local-intake.ts';
import { FILE_ROLES } from '../manifest.ts';
import {
  countSchema,
  errorCodeSchema,
  labelSchema,
  proseSchema,
  shareSchema,
  unixMsSchema,
  versionSchema,
} from '../messages/vocabulary.ts';
import { bare, listOf, page, route } from './route.ts';

/** Where a round stands; `candidate`, `failed` and `aborted` are its ends. */
export const ROUND_STATUSES = [
  'planned',
  'selecting',
  'training',
  'aggregating',
  'evaluating',
  'candidate',
  'failed',
  'aborted',
] as const;
/** Statuses of a round. */
export const roundStatusSchema = z.enum(ROUND_STATUSES);

/** How a round is run; what is left out has the default. Those of the training were measured (docs/decisions/0008). */
export const roundSettingsSchema = z.object({
  /** Devices of this group only; null for all. */
  group: groupIdSchema.nullable().default(null),
  /** Fewest updates that make an average: the quorum. */
  updatesMin: z.int().min(1).max(10_000).default(2),
  /** Updates after which the round goes on without waiting for more. */
  updatesMax: z.int().min(1).max(10_000).default(100),
  /** Devices asked for each update wanted: some are gone, some decline. */
  overSelection: z.number().min(1).max(4).default(1.3),
  /** Time for the devices, seconds. */
  deadlineS: z.int().min(1).max(86_400).default(120),
  /** Labelled examples below which a device declines. */
  examplesMin: z.int().min(1).max(1_000_000).default(1),
  /** Examples beyond which a device weighs no more: the number is the device's own claim. */
  examplesMax: z.int().min(1).max(1_000_000).default(200),
  /** Steps of the training on a device. */
  steps: z.int().min(1).max(10_000).default(200),
  learningRate: z.number().positive().max(10).default(0.003),
  /** Examples of one step. */
  batch: z.int().min(1).max(1_024).default(32),
  /** Weight of rehearsing old labels against the own examples. */
  rehearsal: z.number().min(0).max(100).default(18),
  /** FedProx: how strongly the weights are drawn to where they began. */
  pull: z.number().min(0).max(100).default(0),
  /** Longest update, by its L2 norm over all tensors. */
  clipNorm: z.number().positive().max(1e6).default(16),
  /** Share of the average that is added to the head. */
  serverLearningRate: z.number().positive().max(10).default(1),
});

/** Accuracy on the controller's held-out examples; null where there is no example of that kind. */
export const roundAccuracySchema = z.object({
  /** Of all labels together. */
  all: shareSchema.nullable(),
  /** Of labels that the base has. */
  old: shareSchema.nullable(),
  /** Of labels that the round added. */
  added: shareSchema.nullable(),
  /** Share of out-of-scope texts that are not called sure. */
  outOfScope: shareSchema.nullable(),
  /** Share of in-scope texts that are answered as sure. */
  sure: shareSchema.nullable(),
});

/** What became of one device in a round. */
export const roundDeviceSchema = z.object({
  device: deviceIdSchema,
  state: z.enum(['asked', 'accepted', 'declined', 'updated', 'refused', 'silent']),
  examples: countSchema,
  code: errorCodeSchema.nullable(),
});

/** One round in a listing. */
export const roundSchema = z.object({
  id: uuidSchema,
  line: lineIdSchema,
  status: roundStatusSchema,
  /** The bundle that the devices run and learn from. */
  base: digestSchema,
  baseVersion: versionSchema,
  /** Place in the series of rounds on this base, from 1: each goes on where the one before ended. */
  turn: z.int().min(1),
  labels: z.object({ version: z.int().min(1), added: z.array(labelSchema) }),
  settings: roundSettingsSchema,
  createdAt: unixMsSchema,
  /** When devices had no more time; null before they were asked. */
  deadlineAt: unixMsSchema.nullable(),
  finishedAt: unixMsSchema.nullable(),
  counts: z.object({
    asked: countSchema,
    accepted: countSchema,
    declined: countSchema,
    updates: countSchema,
    refused: countSchema,
  }),
  /** Examples behind the average, after the cap. */
  examples: countSchema,
  /** Of all updates as they came. */
  updateBytes: countSchema,
  /** L2 norm of the average; null before there is one. */
  averageNorm: z.number().nullable(),
  accuracy: z.object({ before: roundAccuracySchema, after: roundAccuracySchema }).nullable(),
  candidate: digestSchema.nullable(),
  /** Why it failed. */
  problem: z.object({ code: errorCodeSchema, message: proseSchema }).nullable(),
});

/** One round with its devices. */
export const roundDetailSchema = roundSchema.extend({ devices: z.array(roundDeviceSchema) });

/** One candidate: a bundle that a round made and nobody has released. */
export const candidateSchema = z.object({
  digest: digestSchema,
  line: lineIdSchema,
  version: versionSchema,
  releaseCounter: z.int().min(1),
  parent: digestSchema,
  round: uuidSchema,
  bytes: countSchema,
  createdAt: unixMsSchema,
  labelsVersion: z.int().min(1),
  added: z.array(labelSchema),
  accuracy: roundSchema.shape.accuracy,
  /** Whether a publisher has registered it, signed. */
  isReleased: z.boolean(),
});

/** One candidate with its files. */
export const candidateDetailSchema = candidateSchema.extend({
  files: z.array(
    z.object({ role: z.enum(FILE_ROLES), name: z.string(), sha256: digestSchema, bytes: countSchema }),
  ),
});

/** One example of the operator's: a text and its label, `oos` for none of them. */
export const exampleSchema = z.object({
  text: z.string().min(1).max(TEXT_BYTES_MAX),
  intent: labelSchema,
});

/** What examples of a line are stored; never a text. */
export const examplesSchema = z.object({
  line: lineIdSchema,
  total: countSchema,
  outOfScope: countSchema,
  /** Labels with an example. */
  labels: countSchema,
  /** Those that judge, and those that calibrate and give prototypes. */
  evaluation: countSchema,
  calibration: countSchema,
  storedAt: unixMsSchema.nullable(),
});

export type RoundStatus = z.infer<typeof roundStatusSchema>;
export type RoundSettings = z.infer<typeof roundSettingsSchema>;
export type RoundAccuracy = z.infer<typeof roundAccuracySchema>;
export type RoundDevice = z.infer<typeof roundDeviceSchema>;
export type Round = z.infer<typeof roundSchema>;
export type RoundDetail = z.infer<typeof roundDetailSchema>;
export type Candidate = z.infer<typeof candidateSchema>;
export type CandidateDetail = z.infer<typeof candidateDetailSchema>;
export type Example = z.infer<typeof exampleSchema>;
export type Examples = z.infer<typeof examplesSchema>;

const byRound = z.object({ id: uuidSchema });
const byDigest = z.object({ digest: digestSchema });
const byLine = z.object({ line: lineIdSchema });

/** Routes of this part of the operator API. */
export const ROUND_ROUTES = {
  rounds: route({
    ...bare,
    method: 'GET',
    path: '/api/rounds',
    role: 'viewer',
    summary: 'Federated rounds, newest first',
    query: z.object({ ...page, line: lineIdSchema.optional() }),
    answer: listOf(roundSchema),
  }),
  round: route({
    ...bare,
    method: 'GET',
    path: '/api/rounds/:id',
    role: 'viewer',
    summary: 'One round with its devices',
    params: byRound,
    answer: roundDetailSchema,
  }),
  startRound: route({
    ...bare,
    method: 'POST',
    path: '/api/rounds',
    role: 'operator',
    summary: 'Let the devices of a line learn together',
    body: z.object({
      line: lineIdSchema,
      /** The bundle to go on from; without it the one that was rolled out last. */
      base: digestSchema.optional(),
      settings: roundSettingsSchema.prefault({}),
    }),
    answer: roundSchema,
  }),
  abortRound: route({
    ...bare,
    method: 'POST',
    path: '/api/rounds/:id/abort',
    role: 'operator',
    summary: 'End a round without a candidate',
    params: byRound,
    answer: roundSchema,
  }),
  examples: route({
    ...bare,
    method: 'GET',
    path: '/api/lines/:line/examples',
    role: 'viewer',
    summary: 'How many examples judge the rounds of a line',
    params: byLine,
    answer: examplesSchema,
  }),
  putExamples: route({
    ...bare,
    method: 'PUT',
    path: '/api/lines/:line/examples',
    role: 'operator',
    summary: 'Replace the examples that judge the rounds of a line',
    params: byLine,
    body: z.object({ examples: z.array(exampleSchema).min(1).max(EXAMPLES_MAX) }),
    answer: examplesSchema,
  }),
  candidates: route({
    ...bare,
    method: 'GET',
    path: '/api/candidates',
    role: 'viewer',
    summary: 'Unsigned bundles that rounds made, newest first',
    query: z.object(page),
    answer: listOf(candidateSchema),
  }),
  candidate: route({
    ...bare,
    method: 'GET',
    path: '/api/candidates/:digest',
    role: 'viewer',
    summary: 'One candidate with its files',
    params: byDigest,
    answer: candidateDetailSchema,
  }),
  blobPart: route({
    ...bare,
    method: 'GET',
    path: '/api/blobs/:digest',
    role: 'publisher',
    summary: 'A part of a manifest or file of a bundle or candidate, base64',
    params: byDigest,
    query: z.object({ from: z.coerce.number().int().min(0).default(0) }),
    answer: z.object({
      /** Of the whole blob. */
      bytes: countSchema,
      from: countSchema,
      content: z.base64().max(Math.ceil(BLOB_PART_BYTES_MAX / 3) * 4),
    }),
  }),
} as const;
