/** A rollout in waves as the machine knows it, and as its rows keep it. Pure. */
import type { RolloutState } from './rollouts.machine.ts';
import type { MemberRow, RolloutRow } from './rollouts.repository.ts';
import type { Course } from './rollouts.tables.ts';

/** The state in rows; null for a rollout without waves. */
export const stateOf = (
  { course, digest, phase, plan }: Pick<RolloutRow, 'course' | 'digest' | 'phase' | 'plan'>,
  members: readonly MemberRow[],
): RolloutState | null => {
  if (plan === null || phase === null || course === null) return null;
  return {
    ...course,
    digest,
    plan,
    phase,
    members: new Map(members.map(({ device, member }) => [device, member])),
  };
};

/** What of a state its own row keeps. */
export const courseOf = (state: RolloutState): Course => {
  const { approved, credit, finishedAt, reason, settledAt, startedAt, waived, wave, waveAt } = state;
  return { approved, credit, finishedAt, reason, settledAt, startedAt, waived, wave, waveAt };
};
