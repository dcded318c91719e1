/**
 * Who is given the bundle next: how many a wave may have, how many now, and which. Pure. Each bound holds by itself: the
 * wave, the rate, the window, the disruption of a group, other rollouts. A device that is offline is not given anything.
 */
import type { DeviceId, GroupId, RolloutPlan } from '@nanofleet/protocol';
import type { Member, Sighting } from './members.plan.ts';
import { isInWindow } from './window.plan.ts';

const MINUTE_MS = 60_000;

/** What exposing begins from. */
export interface Standing {
  readonly plan: RolloutPlan;
  readonly wave: number;
  readonly at: number;
  readonly members: ReadonlyMap<DeviceId, Member>;
  readonly seen: ReadonlyMap<DeviceId, Sighting>;
  /** When the last device was given the bundle, and what part of one was left over then. */
  readonly credit: Credit;
}

/** What the rate has left. */
export interface Credit {
  readonly at: number;
  /** Devices, whole and a part. */
  readonly devices: number;
}

/** Number of waves: one more than the plan names, for those that are left. */
export const waveCount = ({ waves }: RolloutPlan): number => {
  const last = waves.at(-1);
  return last !== undefined && 'percent' in last && last.percent === 100 ? waves.length : waves.length + 1;
};

/** How many devices may have been given the bundle by the end of a wave, of so many; rounded up, so that no wave is empty. */
export const quotaOf = (plan: RolloutPlan, { wave, total }: { wave: number; total: number }): number => {
  let quota = 0;
  for (const size of plan.waves.slice(0, wave + 1)) {
    if ('percent' in size) quota = Math.max(quota, Math.ceil((size.percent / 100) * total));
    else if ('count' in size) quota = Math.max(quota, size.count);
    else quota += size.devices.length;
  }
  return wave >= plan.waves.length ? total : Math.min(quota, total);
};

const namedBy = (plan: RolloutPlan, wave: number): ReadonlySet<DeviceId> | null => {
  const size = plan.waves[wave];
  return size !== undefined && 'devices' in size ? new Set(size.devices) : null;
};

/** Devices per minute, after so many have succeeded. */
const rateOf = ({ rate }: RolloutPlan, succeeded: number): number | null => {
  if (rate === undefined) return null;
  const { growth, perMinute } = rate;
  if (growth === undefined) return perMinute;
  const grown = perMinute * growth.factor ** Math.floor(succeeded / growth.succeeded);
  return Math.min(growth.perMinuteMax, grown);
};

/** The credit at a time: it grows with the rate, and holds at most what a minute brings, or one device. */
const creditAt = (credit: Credit, { at, perMinute }: { at: number; perMinute: number }): Credit => {
  const grown = credit.devices + (Math.max(0, at - credit.at) / MINUTE_MS) * perMinute;
  return { at, devices: Math.min(grown, Math.max(1, perMinute)) };
};

/** Devices of the wave's quota that are not yet given it. */
const roomOf = ({ members, plan, wave }: Standing): number => {
  const given = [...members.values()].filter(({ step }) => step !== 'waiting').length;
  return Math.max(0, quotaOf(plan, { wave, total: members.size }) - given);
};

/** How many devices of each group are at work. */
const busyByGroup = ({ members, seen }: Standing): Map<GroupId, number> => {
  const busy = new Map<GroupId, number>();
  for (const { device, step } of members.values()) {
    const group = seen.get(device)?.group;
    if (group !== undefined && (step === 'exposed' || step === 'back'))
      busy.set(group, (busy.get(group) ?? 0) + 1);
  }
  return busy;
};

/** Devices that wait for this wave and could be given the bundle as far as wave and reach go, in the order of their names. */
const candidatesOf = ({ members, plan, seen, wave }: Standing): Sighting[] => {
  const named = namedBy(plan, wave);
  const waiting = [...members.values()].filter(
    ({ device, step }) => step === 'waiting' && (named === null || named.has(device)),
  );
  return waiting
    .flatMap(({ device }) => seen.get(device) ?? [])
    .filter(({ isOnline }) => isOnline)
    .sort((left, right) => (left.device < right.device ? -1 : 1));
};

/** Devices to be given the bundle now, and the credit that is left. */
export const nextExposed = (standing: Standing): { devices: Sighting[]; credit: Credit } => {
  const { at, credit, members, plan } = standing;
  const succeeded = [...members.values()].filter(({ step }) => step === 'succeeded').length;
  const perMinute = rateOf(plan, succeeded);
  const grown = perMinute === null ? credit : creditAt(credit, { at, perMinute });
  const allowed = perMinute === null ? Number.POSITIVE_INFINITY : Math.floor(grown.devices);
  let left = Math.min(roomOf(standing), allowed);
  const busy = busyByGroup(standing);
  const devices = candidatesOf(standing).filter(({ group, isBusy, timeZone }) => {
    if (left === 0 || isBusy || !isInWindow(plan.windows, { at, timeZone })) return false;
    const working = busy.get(group) ?? 0;
    if (working >= (plan.disruption?.perGroup ?? Number.POSITIVE_INFINITY)) return false;
    busy.set(group, working + 1);
    left -= 1;
    return true;
  });
  return {
    devices,
    credit: { at: grown.at, devices: grown.devices - (perMinute === null ? 0 : devices.length) },
  };
};

/** Whether nobody is left that the wave could still take, now or later today: windows, rate and groups only delay. */
export const isFilled = (standing: Standing): boolean =>
  roomOf(standing) === 0 || candidatesOf(standing).length === 0;
