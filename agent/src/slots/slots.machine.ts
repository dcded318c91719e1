/**
 * The states of one model line and the steps between them. Pure: each step takes a state and gives the next, which is
 * written down before anything is done about it. Exactly one version is accepted at any moment, once there was one.
 */
import { digestSchema, errorCodeSchema, versionSchema } from '@nanofleet/protocol';
import { z } from 'zod';

const acceptedSchema = z.object({
  digest: digestSchema,
  version: versionSchema,
  releaseCounter: z.int().min(1),
});

/** How far an attempt has come; none of the steps outlives a restart. */
const stepSchema = z.enum(['fetching', 'verifying', 'staging']);

/** The state of a line as it lies on disk. */
export const slotStateSchema = z.object({
  /** What runs. */
  accepted: acceptedSchema.nullable(),
  /** What ran before, kept to fall back on. */
  previous: acceptedSchema.nullable(),
  /** What is being tried. */
  attempt: z.object({ digest: digestSchema, releaseCounter: z.int().min(1), step: stepSchema }).nullable(),
  /** What was asked for last; a refused bundle is tried again only after something else was asked for. */
  asked: digestSchema.nullable(),
  refused: z
    .object({ digest: digestSchema, code: errorCodeSchema, message: z.string(), at: z.int().min(0) })
    .nullable(),
});

export type SlotState = z.infer<typeof slotStateSchema>;
export type Accepted = z.infer<typeof acceptedSchema>;
export type AttemptStep = z.infer<typeof stepSchema>;
/** Why a line refused a release, and when. */
export type Refusal = NonNullable<SlotState['refused']>;
/** What is asked for. */
export type Wish = Pick<Accepted, 'digest' | 'releaseCounter'>;

/** A line that has never run anything. */
export const EMPTY_SLOT: SlotState = {
  accepted: null,
  previous: null,
  attempt: null,
  asked: null,
  refused: null,
};

/** The state after a wish. There is an attempt in it only if the wish makes something to do. */
export const ask = (state: SlotState, wish: Wish): SlotState => {
  const next = { ...state, asked: wish.digest, attempt: null };
  if (state.accepted?.digest === wish.digest) return next;
  if (state.asked === wish.digest && state.refused?.digest === wish.digest) return next;
  return { ...next, attempt: { ...wish, step: 'fetching' } };
};

/** The attempt goes on to its next step. */
export const advance = (state: SlotState, step: AttemptStep): SlotState =>
  state.attempt === null ? state : { ...state, attempt: { ...state.attempt, step } };

/** The attempt has become what runs. */
export const accept = (state: SlotState, accepted: Accepted): SlotState => ({
  accepted,
  previous: state.accepted ?? state.previous,
  attempt: null,
  asked: state.asked ?? accepted.digest,
  refused: null,
});

/** The attempt has failed for good; what was accepted stays. */
export const refuse = (state: SlotState, refused: Refusal): SlotState => ({
  ...state,
  attempt: null,
  refused,
});

/** The state at a start: whatever was not final is given up. */
export const recover = (state: SlotState): SlotState => ({
  ...state,
  attempt: null,
  asked: state.attempt === null ? state.asked : null,
});

/** What was accepted cannot be loaded any more: the previous version takes its place, and the lost one may be fetched again. */
export const fallBack = (state: SlotState, refused: Refusal): SlotState => ({
  accepted: state.previous,
  previous: null,
  attempt: null,
  asked: null,
  refused,
});

/** Lowest release counter that may run: a device never goes back behind what it has accepted. */
export const lowestCounter = (state: SlotState): number => state.accepted?.releaseCounter ?? 0;

/** Digests whose directories are still of use. */
export const keptDigests = (state: SlotState): string[] =>
  [state.accepted, state.previous, state.attempt].flatMap((slot) => (slot === null ? [] : [slot.digest]));
