/**
 * What a device answers to the plan of a round, and what it knows of rounds. Pure: facts in, an answer and the next state out. Never
 * trains and never sends.
 */
import {
  type Digest,
  type ErrorCode,
  type LineId,
  type OffloadPolicy,
  ROUNDS_REMEMBERED_MAX,
  type RoundPlan,
  type Uuid,
} from '@nanofleet/protocol';
import { ADDED_TENSORS, HEAD_TENSORS } from '@nanofleet/runtime';

/** A round that this device works for, or whose update it has sent and may send again. */
export interface RoundUnderWay {
  readonly round: Uuid;
  readonly line: LineId;
  readonly base: Digest;
  readonly examples: number;
  readonly isSent: boolean;
}

/** What a device knows of rounds. */
export interface RoundsState {
  readonly current: RoundUnderWay | null;
  /** Rounds that are over for this device, newest last. */
  readonly over: readonly Uuid[];
}

/** A device that has never heard of a round. */
export const NO_ROUNDS: RoundsState = { current: null, over: [] };

/** What of the device counts for the answer to a plan. */
export interface PlanFacts {
  /** Whether the device takes part in rounds at all. */
  readonly isOn: boolean;
  readonly policy: OffloadPolicy;
  /** The text model of the line; null when none runs. */
  readonly running: {
    readonly digest: Digest;
    readonly labels: readonly string[];
    readonly labelsVersion: number;
    readonly isTrainable: boolean;
  } | null;
  readonly isOtherTask: boolean;
  /** Examples of the labels that the plan trains. */
  readonly examples: number;
  readonly remainingMs: number;
}

/** `begin`: train, in place of what was under way. `repeat`: say again what was said. `resend`: that, and the update again. */
export type PlanAnswer =
  | { readonly kind: 'begin' | 'repeat' | 'resend'; readonly examples: number }
  | { readonly kind: 'decline'; readonly code: ErrorCode };

const decline = (code: ErrorCode): PlanAnswer => ({ kind: 'decline', code });

/** The answer to a plan, and the state after it. */
export const answerPlan = (
  state: RoundsState,
  { round, plan, facts }: { round: Uuid; plan: RoundPlan; facts: PlanFacts },
): { answer: PlanAnswer; state: RoundsState } => {
  const { current } = state;
  if (current?.round === round)
    return { answer: { kind: current.isSent ? 'resend' : 'repeat', examples: current.examples }, state };
  const code = reasonToDecline(state, { round, plan, facts });
  if (code !== null) return { answer: decline(code), state };
  const examples = Math.min(facts.examples, plan.examplesMax);
  const next = { round, line: plan.line, base: plan.base, examples, isSent: false };
  const over = current === null ? state.over : remembered(state.over, current.round);
  return { answer: { kind: 'begin', examples }, state: { current: next, over } };
};

const reasonToDecline = (
  { current, over }: RoundsState,
  { round, plan, facts }: { round: Uuid; plan: RoundPlan; facts: PlanFacts },
): ErrorCode | null => {
  if (over.includes(round) || facts.remainingMs <= 0) return 'ROUND_OVER';
  if (!facts.isOn || facts.policy === 'none' || !isFeasible(plan)) return 'ROUND_DECLINED';
  if (facts.isOtherTask) return 'LINE_TASK_WRONG';
  if (facts.running === null) return 'LINE_UNKNOWN';
  if (!facts.running.isTrainable) return 'LINE_NOT_TRAINABLE';
  if (facts.running.digest !== plan.base || !isLabelListOf(plan, facts.running)) return 'UPDATE_BASE_WRONG';
  if (facts.examples < Math.max(1, plan.examplesMin)) return 'EXAMPLES_TOO_FEW';
  // Ids are ordered by time: a later round of the same line means that nobody waits for the one under way.
  if (current !== null && !current.isSent && (current.line !== plan.line || round < current.round))
    return 'ROUND_DECLINED';
  return null;
};

/** Masks and noise are not made here; an update without them would break what the plan promises. */
const isFeasible = ({ masked, noise, tensors }: RoundPlan): boolean =>
  !masked && noise === 0 && [HEAD_TENSORS, ADDED_TENSORS].some((names) => names.join() === tensors.join());

const isLabelListOf = (
  { labels: { version, added } }: RoundPlan,
  { labels, labelsVersion }: { labels: readonly string[]; labelsVersion: number },
): boolean =>
  (added.length === 0 ? version >= labelsVersion : version > labelsVersion) &&
  new Set(added).size === added.length &&
  !added.some((name) => labels.includes(name));

/** The update of a round was sent. */
export const sentUpdate = (state: RoundsState, round: Uuid): RoundsState =>
  state.current?.round === round ? { ...state, current: { ...state.current, isSent: true } } : state;

/** A round is over for this device: given up, refused, ended or past its deadline. */
export const endRound = (state: RoundsState, round: Uuid): RoundsState => ({
  current: state.current?.round === round ? null : state.current,
  over: remembered(state.over, round),
});

const remembered = (over: readonly Uuid[], round: Uuid): readonly Uuid[] =>
  over.includes(round) ? over : [...over, round].slice(-ROUNDS_REMEMBERED_MAX);
