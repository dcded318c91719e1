/**
 * A federated round as a state machine: what each message, each moment and each result of work makes of it. Pure: values
 * in, values out; whoever drives it stores a step before its effect. A message that does not count is answered with a
 * code and changes nothing but the count of refusals.
 *
 *   planned → selecting → training → aggregating → evaluating → candidate
 *
 * and from each of them to failed or aborted.
 */
import type { ErrorCode, RoundDevice, RoundSettings, RoundStatus } from '@nanofleet/protocol';

/** A round as far as it decides. */
export interface RoundState {
  readonly status: RoundStatus;
  readonly settings: Pick<RoundSettings, 'updatesMin' | 'updatesMax' | 'examplesMin' | 'examplesMax'>;
  readonly deadlineAt: number | null;
  readonly asked: number;
  readonly accepted: number;
  readonly declined: number;
  readonly updates: number;
  /** Messages that did not count. */
  readonly refused: number;
  /** Devices whose update could not be used. */
  readonly rejected: number;
  /** Sum of the weights of accepted updates. */
  readonly examples: number;
}

/** A device of a round. */
export type MemberState = Pick<RoundDevice, 'state' | 'examples' | 'code'>;

/** What a message made of the round and of its sender; `refusal` is told to the sender. */
export interface Step {
  readonly round: RoundState;
  readonly member: MemberState;
  readonly refusal: ErrorCode | null;
}

/** A round that ended without a candidate, and why. */
export interface Failure {
  readonly status: 'failed';
  readonly code: ErrorCode;
  readonly message: string;
}

const OPEN: readonly RoundStatus[] = ['selecting', 'training'];
const ENDED: readonly RoundStatus[] = ['candidate', 'failed', 'aborted'];

/** Whether devices may still answer and contribute. */
export const isOpen = ({ status }: Pick<RoundState, 'status'>): boolean => OPEN.includes(status);

/** Whether nothing more happens. */
export const isEnded = ({ status }: Pick<RoundState, 'status'>): boolean => ENDED.includes(status);

/** The same round if nothing changed, else as it was asked of so many devices, with its deadline. */
export const selected = (
  round: RoundState,
  asked: { readonly devices: number; readonly deadlineAt: number },
): RoundState =>
  round.status === 'planned'
    ? { ...round, status: 'selecting', asked: asked.devices, deadlineAt: asked.deadlineAt }
    : round;

/** The round with so many more devices asked, in the place of some that dropped out. */
export const recruited = (round: RoundState, devices: number): RoundState =>
  isOpen(round) ? { ...round, asked: round.asked + devices } : round;

/** A device says that it takes part with so many examples, or declines with a code, also after it had accepted. */
export const answered = (
  round: RoundState,
  member: MemberState,
  answer: { readonly examples: number; readonly code: ErrorCode | undefined },
): Step => {
  const isWithdrawal = member.state === 'accepted' && answer.code !== undefined;
  if (!isOpen(round) || (member.state !== 'asked' && !isWithdrawal)) return { round, member, refusal: null };
  const isTooFew = answer.examples < round.settings.examplesMin;
  const code = answer.code ?? (isTooFew ? 'EXAMPLES_TOO_FEW' : undefined);
  if (code !== undefined) return declines(round, member, code);
  return {
    round: joined(round, member),
    member: { ...member, state: 'accepted', examples: answer.examples },
    refusal: null,
  };
};

/** A decoded update of a device; one that comes again, late or unasked does not count. `member` is null for a stranger. */
export const contributed = (
  round: RoundState,
  member: MemberState | null,
  update: { readonly examples: number; readonly atMs: number },
): Step => {
  const refusal = refusalOf(round, member, update.atMs);
  if (refusal !== null || member === null)
    return counted(round, member ?? STRANGER, refusal ?? 'ROUND_DECLINED');
  const { examplesMax, examplesMin } = round.settings;
  if (update.examples < Math.max(1, examplesMin)) return expelled(round, member, 'EXAMPLES_TOO_FEW');
  const weight = Math.min(update.examples, examplesMax);
  const next = { ...joined(round, member), updates: round.updates + 1, examples: round.examples + weight };
  return {
    round: closedIfComplete(next),
    member: { state: 'updated', examples: weight, code: null },
    refusal: null,
  };
};

/** Bytes of a device that are no usable update, for the stated reason: it is out of the round. */
export const rejected = (
  round: RoundState,
  member: MemberState | null,
  update: { readonly code: ErrorCode; readonly atMs: number },
): Step => {
  const refusal = refusalOf(round, member, update.atMs);
  if (refusal !== null || member === null)
    return counted(round, member ?? STRANGER, refusal ?? 'ROUND_DECLINED');
  return expelled(round, member, update.code);
};

/** What a moment makes of a round: at its deadline, or when nobody is left to wait for, it goes on or fails. */
export const ticked = (round: RoundState, atMs: number): RoundState | Failure => {
  if (!isOpen(round)) return round;
  const next = closedIfComplete(round);
  if (next.status === 'aggregating') return next;
  const reachable = round.asked - round.declined - round.rejected;
  if (!isLate(round, atMs) && reachable >= round.settings.updatesMin) return round;
  return hasQuorum(round) ? { ...round, status: 'aggregating' } : quorumMissed(round);
};

/** The average is stored. */
export const aggregated = (round: RoundState): RoundState =>
  round.status === 'aggregating' ? { ...round, status: 'evaluating' } : round;

/** The candidate is stored. */
export const evaluated = (round: RoundState): RoundState =>
  round.status === 'evaluating' ? { ...round, status: 'candidate' } : round;

/** Ended by an operator. */
export const aborted = (round: RoundState): RoundState =>
  isEnded(round) ? round : { ...round, status: 'aborted' };

const STRANGER: MemberState = { state: 'refused', examples: 0, code: null };

/** Why an update cannot count whatever it holds; null when it may. */
const refusalOf = (round: RoundState, member: MemberState | null, atMs: number): ErrorCode | null => {
  if (member?.state === 'updated') return 'UPDATE_DUPLICATE';
  if (!isOpen(round) || isLate(round, atMs)) return 'ROUND_OVER';
  return member === null || member.state === 'declined' || member.state === 'refused'
    ? 'ROUND_DECLINED'
    : null;
};

const isLate = ({ deadlineAt }: RoundState, atMs: number): boolean =>
  deadlineAt !== null && atMs >= deadlineAt;

const hasQuorum = ({ settings, updates }: RoundState): boolean => updates >= settings.updatesMin;

/** An update says that its device takes part, even when its acceptance was lost. */
const joined = (round: RoundState, { state }: MemberState): RoundState => ({
  ...round,
  status: 'training',
  accepted: round.accepted + (state === 'asked' ? 1 : 0),
});

/** Goes on without waiting for the deadline once all that may come has come. */
const closedIfComplete = (round: RoundState): RoundState => {
  const { asked, declined, rejected: out, settings, updates } = round;
  const isComplete = updates >= settings.updatesMax || updates + declined + out >= asked;
  return isComplete && hasQuorum(round) ? { ...round, status: 'aggregating' } : round;
};

const declines = (round: RoundState, member: MemberState, code: ErrorCode): Step => ({
  round: closedIfComplete({ ...round, declined: round.declined + 1 }),
  member: { ...member, state: 'declined', code },
  refusal: null,
});

const expelled = (round: RoundState, member: MemberState, code: ErrorCode): Step => ({
  round: closedIfComplete({
    ...joined(round, member),
    refused: round.refused + 1,
    rejected: round.rejected + 1,
  }),
  member: { ...member, state: 'refused', code },
  refusal: code,
});

const counted = (round: RoundState, member: MemberState, refusal: ErrorCode): Step => ({
  round: { ...round, refused: round.refused + 1 },
  member,
  refusal,
});

const quorumMissed = ({ asked, declined, settings, updates }: RoundState): Failure => ({
  status: 'failed',
  code: 'QUORUM_MISSED',
  message: `${updates} of ${asked} devices contributed before the deadline, ${declined} declined; ${settings.updatesMin} updates are needed.`,
});
