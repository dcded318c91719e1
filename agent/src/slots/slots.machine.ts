/**
 * The states of one model line and the steps between them. Pure: each step takes a state and gives the next, which is
 * written down before anything is done about it. Exactly one version is accepted at any moment, once there was one; what
 * is on trial takes its place only when the trial is over, and gives way at any start before that.
 */
import {
  digestSchema,
  errorCodeSchema,
  NanofleetError,
  TRIALS_BROKEN_MAX,
  versionSchema,
} from '@nanofleet/protocol';
import { z } from 'zod';

const acceptedSchema = z.object({
  digest: digestSchema,
  version: versionSchema,
  releaseCounter: z.int().min(1),
});

/** How far an attempt has come before any of its code runs. */
const stepSchema = z.enum(['fetching', 'verifying', 'staging']);

/**
 * How far it has come since: tried in a process of its own, or in service while it is watched. Apart from the steps, for
 * an earlier agent that a failed upgrade brings back reads this file, too: it knows the steps, and gives them all up.
 */
const trialSchema = z.object({
  stage: z.enum(['accepting', 'probation']),
  version: versionSchema,
  /** Boot of the machine in which it began; null where nobody knows. */
  boot: z.string().max(64).nullable(),
  /** Whether its process ended in order: that speaks against nobody. */
  isLeft: z.boolean().default(false),
});

/** The state of a line as it lies on disk. */
export const slotStateSchema = z.object({
  /** What has been committed: it runs, or will again when what is on trial fails. */
  accepted: acceptedSchema.nullable(),
  /** What was committed before, kept to fall back on. */
  previous: acceptedSchema.nullable(),
  /** What is being tried. */
  attempt: z
    .object({
      digest: digestSchema,
      releaseCounter: z.int().min(1),
      step: stepSchema,
      trial: trialSchema.optional(),
    })
    .nullable(),
  /** What was asked for last; a refused bundle is tried again only after something else was asked for. */
  asked: digestSchema.nullable(),
  /** Which time it was asked for. */
  askedTimes: z.int().min(1).default(1),
  refused: z
    .object({ digest: digestSchema, code: errorCodeSchema, message: z.string(), at: z.int().min(0) })
    .nullable(),
  /** What was given up without any fault of its own: what has come of it is kept for the next try. */
  resumable: digestSchema.nullable().default(null),
  /** Trials of one bundle that ended with their process. */
  broken: z
    .object({ digest: digestSchema, times: z.int().min(1) })
    .nullable()
    .default(null),
  /** Starts in a row that ended before what was accepted had been loaded. */
  starts: z.int().min(0).default(0),
});

export type SlotState = z.infer<typeof slotStateSchema>;
export type Accepted = z.infer<typeof acceptedSchema>;
export type AttemptStep = z.infer<typeof stepSchema>;
export type TrialStage = z.infer<typeof trialSchema>['stage'];
/** Why a line refused a release, and when. */
export type Refusal = NonNullable<SlotState['refused']>;

/** What is asked for. */
export interface Wish extends Pick<Accepted, 'digest' | 'releaseCounter'> {
  /** Of all files together, and the hardware that it is for: what the publishers must say, too. */
  readonly bytes?: number | undefined;
  readonly hardware?: string | undefined;
  /** Which time it is asked for; 1 when left out. A device that has refused it tries it again at a higher one. */
  readonly attempt?: number | undefined;
  /** The version before, while a gate wants both compared. */
  readonly comparedWith?: string | undefined;
  /** From what was committed back to what was committed before it: the one way to a lower release counter. */
  readonly rollback?: { readonly from: string; readonly to: string } | undefined;
}

/** A line that has never run anything. */
export const EMPTY_SLOT: SlotState = {
  accepted: null,
  previous: null,
  attempt: null,
  asked: null,
  askedTimes: 1,
  refused: null,
  resumable: null,
  broken: null,
  starts: 0,
};

/** The version on probation; null when none is. */
export const onProbation = ({ attempt }: SlotState): Accepted | null =>
  attempt?.trial?.stage === 'probation'
    ? { digest: attempt.digest, version: attempt.trial.version, releaseCounter: attempt.releaseCounter }
    : null;

/** The version that serves: on probation, or accepted. */
export const serving = (state: SlotState): Accepted | null => onProbation(state) ?? state.accepted;

/** Whether a wish is the order to go back by one committed version. */
export const isRollback = ({ accepted, previous }: SlotState, { digest, rollback }: Wish): boolean =>
  rollback !== undefined &&
  accepted?.digest === rollback.from &&
  previous?.digest === rollback.to &&
  digest === rollback.to;

/** The state after a wish. There is an attempt in it only if the wish makes something to do. */
export const ask = (state: SlotState, wish: Wish): SlotState => {
  const { attempt: askedTimes = 1, digest, releaseCounter } = wish;
  const next = { ...state, asked: digest, askedTimes, attempt: null };
  if (state.accepted?.digest === digest) return next;
  const isAsBefore = state.asked === digest && askedTimes <= state.askedTimes;
  if (isAsBefore && state.refused?.digest === digest) return next;
  return { ...next, resumable: null, attempt: { digest, releaseCounter, step: 'fetching' } };
};

/** The attempt goes on to its next step. */
export const advance = (state: SlotState, step: AttemptStep): SlotState => {
  if (state.attempt === null) return state;
  const { digest, releaseCounter } = state.attempt;
  return { ...state, attempt: { digest, releaseCounter, step } };
};

/** The attempt is to run: apart from the agent first, then in service. */
export const tryOut = (
  state: SlotState,
  trial: { readonly stage: TrialStage; readonly version: string; readonly boot: string | null },
): SlotState =>
  state.attempt === null
    ? state
    : { ...state, attempt: { ...state.attempt, trial: { ...trial, isLeft: false } } };

/** The version on probation has become what is accepted. */
export const commit = (state: SlotState): SlotState => {
  const proven = onProbation(state);
  if (proven === null) return state;
  return {
    ...EMPTY_SLOT,
    accepted: proven,
    previous: state.accepted ?? state.previous,
    asked: state.asked ?? proven.digest,
    askedTimes: state.askedTimes,
  };
};

/** What was committed before is what is accepted again, by order; what is left may be asked for again. */
export const goBack = (state: SlotState): SlotState =>
  state.previous === null ? state : { ...EMPTY_SLOT, accepted: state.previous, asked: state.previous.digest };

/** The attempt has failed for good; what was accepted stays, and serves. */
export const refuse = (state: SlotState, refused: Refusal): SlotState => ({
  ...state,
  attempt: null,
  broken: null,
  refused,
});

/** The attempt is given up without any fault of its own; it may be asked for again. */
export const withdraw = (state: SlotState): SlotState => ({
  ...state,
  attempt: null,
  asked: null,
  resumable: state.attempt?.digest ?? state.resumable,
});

/** When and in which boot of the machine a start is; the boot is null where nobody knows. */
export interface StartFacts {
  readonly boot: string | null;
  readonly at: number;
}

/**
 * The state at a start: whatever was not final is given up. A trial that ended with its process is tried again, but not for
 * ever: it may be what ended it. One that ended with the machine's power is not counted. Where nothing was ever accepted,
 * the version on probation is the only one there is, and its probation begins anew.
 */
export const recover = (state: SlotState, { at, boot }: StartFacts): SlotState => {
  const { attempt } = state;
  if (attempt === null) return state;
  if (attempt.trial === undefined) return withdraw(state);
  const isOnlyOne = state.accepted === null && attempt.trial.stage === 'probation';
  const next = isOnlyOne
    ? { ...state, attempt: { ...attempt, trial: { ...attempt.trial, boot, isLeft: false } } }
    : withdraw(state);
  const isPowerCut = boot !== null && attempt.trial.boot !== null && boot !== attempt.trial.boot;
  if (isPowerCut || attempt.trial.isLeft) return next;
  const times = (state.broken?.digest === attempt.digest ? state.broken.times : 0) + 1;
  if (times < TRIALS_BROKEN_MAX) return { ...next, broken: { digest: attempt.digest, times } };
  const { code, message } = brokenError(attempt.digest, times);
  return { ...refuse(state, { digest: attempt.digest, code, message, at }), asked: attempt.digest };
};

/** An orderly end: what is tried is given up, and begun again by the next start. */
export const leave = (state: SlotState): SlotState => {
  const { attempt } = state;
  if (attempt?.trial === undefined) return state;
  return { ...state, attempt: { ...attempt, trial: { ...attempt.trial, isLeft: true } } };
};

/** What is accepted is about to be loaded. */
export const beginStart = (state: SlotState): SlotState => ({ ...state, starts: state.starts + 1 });

/** It serves. */
export const endStart = (state: SlotState): SlotState => ({ ...state, starts: 0 });

/** Whether what is accepted has ended so many starts that the one before shall take its place. */
export const isStartBroken = ({ previous, starts }: SlotState): boolean =>
  starts >= TRIALS_BROKEN_MAX && previous !== null;

/** What was accepted cannot be loaded any more: the previous version takes its place, and the lost one may be fetched again. */
export const fallBack = (state: SlotState, refused: Refusal): SlotState => ({
  ...EMPTY_SLOT,
  accepted: state.previous,
  refused,
});

/** Lowest release counter that may run: a device never goes back behind what it has accepted. */
export const lowestCounter = (state: SlotState): number => state.accepted?.releaseCounter ?? 0;

/** Digests whose directories are still of use. */
export const keptDigests = (state: SlotState): string[] =>
  [state.accepted?.digest, state.previous?.digest, state.attempt?.digest, state.resumable].flatMap(
    (digest) => digest ?? [],
  );

const brokenError = (digest: string, times: number): NanofleetError =>
  new NanofleetError(
    'TRIAL_BROKEN',
    `the agent has ended ${times} times while ${digest.slice(0, 12)} was on trial; it is tried again once something else was asked for`,
    { facts: { digest, times } },
  );
