/**
 * What a delivery of a job does to the ledger of jobs, as values. Owns which execution is new, which was done, and which is
 * over; forgets nothing that could be delivered again. Never does a job and never touches a disk.
 */

import {
  type ErrorCode,
  errorCodeSchema,
  JOBS_OPEN_MAX,
  type Job,
  type JobState,
  proseSchema,
  type Uuid,
  uuidSchema,
} from '@nanofleet/protocol';
import { z } from 'zod';

const place = z.int().min(0);

const entrySchema = z.object({
  job: uuidSchema,
  sequence: place,
  execution: place,
  desiredVersion: place,
  task: z.string(),
  /** `begun` is written before the effect; the other three are final. */
  status: z.enum(['begun', 'succeeded', 'failed', 'rejected']),
  code: errorCodeSchema.optional(),
  message: proseSchema.optional(),
});

/** What is written down: the newest execution of each job that is not known to be over. */
export const ledgerSchema = z.object({ closedBelow: place, entries: z.array(entrySchema) });

export type JobEntry = z.infer<typeof entrySchema>;
export type JobLedger = z.infer<typeof ledgerSchema>;
/** How an execution ended. */
export type JobEnd = Pick<JobEntry, 'status' | 'code' | 'message'>;

/** A device that was never asked anything. */
export const EMPTY_LEDGER: JobLedger = { closedBelow: 0, entries: [] };

/** A delivery as the ledger looks at it. */
export interface Delivery {
  readonly job: Uuid;
  readonly body: Job & { readonly sequence: number };
}

/** What comes of a delivery. Nothing of it may happen before the ledger that comes with it is on the disk. */
export type JobStep =
  /** Its effect is due. */
  | { readonly to: 'begin'; readonly entry: JobEntry }
  /** It is known. */
  | { readonly to: 'tell'; readonly entry: JobEntry }
  /** It is over, or a newer execution has taken its place. */
  | { readonly to: 'refuse'; readonly code: ErrorCode; readonly why: string }
  /** It cannot be taken yet; it comes again. */
  | { readonly to: 'wait'; readonly why: string };

/** The name under which an effect happens once. */
export const jobKeyOf = ({ desiredVersion, execution, job }: JobEntry): string =>
  `${job} ${execution} ${desiredVersion}`;

/** What the device says of an execution. */
export const jobStateOf = ({ code, execution, message, status }: JobEntry): JobState => ({
  execution,
  status: status === 'begun' ? 'in-progress' : status,
  ...(code === undefined ? {} : { code }),
  ...(message === undefined ? {} : { message }),
});

/** The ledger after a delivery, and what to do. */
export const delivered = (
  before: JobLedger,
  { body, job }: Delivery,
  { desiredVersion }: { desiredVersion: number },
): { ledger: JobLedger; step: JobStep } => {
  const ledger = closedUpTo(before, body.closedBelow ?? 0);
  const entry = {
    ...{ job, sequence: body.sequence, execution: body.execution, task: body.task },
    desiredVersion: body.desiredVersion ?? 0,
    status: 'begun' as const,
  };
  const step = stepOf(ledger, entry, desiredVersion);
  return { ledger: step.to === 'begin' ? withEntry(ledger, step.entry) : ledger, step };
};

const stepOf = (ledger: JobLedger, entry: JobEntry, desiredVersion: number): JobStep => {
  const known = ledger.entries.find(({ job }) => job === entry.job);
  if (known !== undefined) return stepOfKnown(known, entry, desiredVersion);
  if (entry.sequence < ledger.closedBelow)
    return { to: 'refuse', code: 'JOB_OVER', why: `jobs below ${ledger.closedBelow} are over` };
  if (ledger.entries.length >= JOBS_OPEN_MAX)
    return { to: 'wait', why: `${ledger.entries.length} jobs are open` };
  return beginOnce(entry, desiredVersion);
};

const stepOfKnown = (known: JobEntry, entry: JobEntry, desiredVersion: number): JobStep => {
  const order = entry.execution - known.execution || entry.desiredVersion - known.desiredVersion;
  if (order === 0) return { to: 'tell', entry: known };
  if (order < 0)
    return { to: 'refuse', code: 'JOB_OVER', why: `execution ${known.execution} has taken its place` };
  if (known.status === 'begun') return { to: 'wait', why: `execution ${known.execution} has not ended` };
  return beginOnce(entry, desiredVersion);
};

const beginOnce = (entry: JobEntry, desiredVersion: number): JobStep =>
  entry.desiredVersion > desiredVersion
    ? { to: 'wait', why: `desired version ${entry.desiredVersion} has not come` }
    : { to: 'begin', entry };

/** The ledger with an execution in the place of the earlier ones of its job. */
const withEntry = (ledger: JobLedger, entry: JobEntry): JobLedger => ({
  ...ledger,
  entries: [...ledger.entries.filter(({ job }) => job !== entry.job), entry],
});

/** The ledger after an execution has ended. */
export const ended = (ledger: JobLedger, entry: JobEntry, end: JobEnd): JobLedger =>
  withEntry(ledger, { ...entry, ...end });

/** What has not ended stays, also below: its effect may be half done. */
const closedUpTo = (ledger: JobLedger, below: number): JobLedger => {
  const closedBelow = Math.max(ledger.closedBelow, below);
  const isKept = ({ sequence, status }: JobEntry): boolean => sequence >= closedBelow || status === 'begun';
  if (closedBelow === ledger.closedBelow && ledger.entries.every(isKept)) return ledger;
  return { closedBelow, entries: ledger.entries.filter(isKept) };
};
