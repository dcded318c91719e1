/** What a plan must be beyond its schema. Pure. */
import { NanofleetError, type RolloutPlan, type RolloutTarget } from '@nanofleet/protocol';
import { isTimeZone } from './window.plan.ts';

/** @throws NanofleetError ROLLOUT_PLAN_INVALID */
export const checkPlan = (plan: RolloutPlan, target: RolloutTarget): void => {
  if ('controller' in target) throw wrongPlan('the mini tier is one model; it has no waves');
  if (!isTimeZone(plan.timeZone)) throw wrongPlan(`the time zone ${plan.timeZone} is unknown`);
  const percents = plan.waves.flatMap((wave) => ('percent' in wave ? [wave.percent] : []));
  const counts = plan.waves.flatMap((wave) => ('count' in wave ? [wave.count] : []));
  const isGrowing = (sizes: readonly number[]): boolean =>
    sizes.every((size, at) => at === 0 || size > (sizes[at - 1] ?? 0));
  if (!isGrowing(percents) || !isGrowing(counts))
    throw wrongPlan('each wave must be greater than the one before');
};

const wrongPlan = (why: string): NanofleetError =>
  new NanofleetError('ROLLOUT_PLAN_INVALID', `The plan cannot be followed: ${why}.`);
