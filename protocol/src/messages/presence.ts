/**
 * Presence and state: birth, death, beat, reported. Birth is retained; death is the will and carries the birth's
 * session number, so that a late will of an old session is ignored (Sparkplug B 3.0, bdSeq). Never carries input.
 */
import { z } from 'zod';
import { digestSchema, uuidSchema } from '../ids.ts';
import { AWAITED_MAX } from '../limits/wire.ts';
import { agentReportSchema } from './agent.ts';
import { attestationSchema } from './attestation.ts';
import { lineFiguresSchema } from './line-figures.ts';
import {
  countSchema,
  errorCodeSchema,
  perLine,
  proseSchema,
  recordClassSchema,
  runningSchema,
  shareSchema,
  unixMsSchema,
} from './vocabulary.ts';

const sessionFields = {
  /** +1 with each connection that the device makes; persisted. */
  session: z.int().min(1),
  /** Random per agent process. */
  instance: z.string().regex(/^[0-9a-f]{16}$/),
};

/** Package that runs the models, and its version. */
export const engineSchema = z.object({ name: z.string().max(64), version: z.string().max(64) });

/** First message of a session. */
export const birthSchema = z.object({
  ...sessionFields,
  agentVersion: z.string().max(64),
  engine: engineSchema,
  host: z.object({ arch: z.string().max(32), node: z.string().max(32), memoryBytes: countSchema }),
  lines: perLine(runningSchema),
  desiredVersion: countSchema,
  /** Decisions whose answer has not arrived yet; the controller sends those again that it has. */
  awaiting: z.array(uuidSchema).max(AWAITED_MAX),
});

/** The will of a session, or its orderly end. */
export const deathSchema = z.object({ ...sessionFields, reason: z.enum(['lost', 'stopped']) });

const quantilesSchema = z.object({ p50: z.number().min(0), p95: z.number().min(0), p99: z.number().min(0) });

/** Health at an interval, QoS 0: the newest one counts. */
export const beatSchema = z.object({
  ...sessionFields,
  uptimeS: z.number().min(0),
  /** CPU seconds per second since the last beat; 1 is one core. */
  cpuShare: z.number().min(0),
  rssBytes: countSchema,
  /** Since the process started. */
  decisions: z.object({
    total: countSchema,
    sure: countSchema,
    unsure: countSchema,
    outOfScope: countSchema,
  }),
  /** Text to decision over the last interval, microseconds. */
  decisionMicros: quantilesSchema,
  /** Offered to a bigger tier ÷ decisions, since the process started. */
  offloadShare: shareSchema,
  outbox: z.record(
    recordClassSchema,
    z.object({ records: countSchema, dropped: countSchema, expired: countSchema }),
  ),
  /** Figures are left out by agents that keep none. */
  lines: perLine(runningSchema.extend({ figures: lineFiguresSchema.optional() })),
  problems: z.array(errorCodeSchema).max(32),
});

const { session, instance, uptimeS } = beatSchema.shape;

/**
 * A beat on the wire: what is as in the beat before of the same session may be left out, so that an idle device with long
 * intervals pays for little more than the sign of life. Health comes whole in the first beat of a session.
 */
export const sentBeatSchema = beatSchema.partial().extend({ session, instance, uptimeS });

/** What one line does with the desired bundle. */
export const lineReportSchema = z.object({
  running: runningSchema.nullable(),
  /** `accepting`: tried in a process of its own. `probation`: it serves, and is watched. */
  step: z.enum(['settled', 'fetching', 'verifying', 'staging', 'accepting', 'probation', 'refused']),
  /** What has served through its probation, and is gone back to when another one fails; left out by agents without any. */
  committed: digestSchema.nullable().optional(),
  /** Whether the device's key stands for these digests. The controller says so; what a device says here counts for nothing. */
  attested: z.boolean().optional(),
  progress: z.object({ bytesDone: countSchema, bytesTotal: countSchema }).optional(),
  /**
   * What bringing the committed bundle here took: bytes that were fetched, the time for which they were waited, and from the
   * last of them to the end of the probation. Left out where it was there already.
   */
  installed: z
    .object({
      digest: digestSchema,
      bytes: countSchema,
      fetchMs: z.number().min(0),
      settleMs: z.number().min(0),
    })
    .optional(),
  /** The last bundle that this device would not run, and why; gone when another is accepted. */
  refused: z
    .object({ digest: digestSchema, code: errorCodeSchema, message: proseSchema, at: unixMsSchema })
    .optional(),
});

/** State of the device against what is desired. Sent after the birth and at each change. */
export const reportedSchema = z.object({
  ...sessionFields,
  desiredVersion: countSchema,
  lines: perLine(lineReportSchema),
  problems: z.array(z.object({ code: errorCodeSchema, message: proseSchema })).max(32),
  /** Left out by agents that do not upgrade themselves. */
  agent: agentReportSchema.optional(),
  /** Which root of the publishers' metadata it has followed; left out by a device that has met none. */
  metadata: z.object({ root: z.int().min(1) }).optional(),
  /** The lines under the device's key; left out by agents without. */
  attestation: attestationSchema.optional(),
});

export type Birth = z.infer<typeof birthSchema>;
export type Death = z.infer<typeof deathSchema>;
export type Beat = z.infer<typeof beatSchema>;
export type SentBeat = z.infer<typeof sentBeatSchema>;
export type Reported = z.infer<typeof reportedSchema>;
export type LineReport = z.infer<typeof lineReportSchema>;

/** What a sent beat says, with the one before for what it leaves out; null when that one is not known. */
export const wholeBeat = (sent: SentBeat, before: Beat | null): Beat | null => {
  const isNext = before?.session === sent.session && before.instance === sent.instance;
  const whole = beatSchema.safeParse(isNext ? { ...before, ...sent } : sent);
  return whole.success ? whole.data : null;
};
