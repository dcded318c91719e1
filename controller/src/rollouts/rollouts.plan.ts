/**
 * How far a rollout has come, out of what devices report. Pure. Devices that are offline are counted apart: they must
 * neither hold a rollout up nor make it look better.
 */
import type { ApiAnswer, DeviceId, Digest, GroupId, LineId, LineReport } from '@nanofleet/protocol';
import { decidingRollouts, type PlannedRollout } from '../devices/desired.plan.ts';

type RolloutAnswer = ApiAnswer<'rollout'>;
/** How one device stands. */
export type DeviceProgress = RolloutAnswer['devices'][number];
/** Counts over the devices of a rollout. */
export type RolloutCounts = RolloutAnswer['counts'];
/** How a rollout stands. */
export type RolloutStatus = RolloutAnswer['status'];

/** What is known of a device that may be part of a rollout. */
export interface CandidateDevice {
  readonly device: DeviceId;
  readonly group: GroupId;
  readonly isOnline: boolean;
  readonly lines: Readonly<Record<string, LineReport>>;
}

/** Whether a later rollout has taken all that this one was for. */
export const isSuperseded = (rollout: PlannedRollout, latest: readonly PlannedRollout[]): boolean =>
  latest.some(
    (other) =>
      other.position > rollout.position &&
      (rollout.targetKind === 'controller'
        ? other.targetKind === 'controller'
        : other.line === rollout.line &&
          (other.targetKind === 'all' ||
            (other.targetKind === rollout.targetKind && other.targetGroup === rollout.targetGroup))),
  );

/** Devices whose line this rollout decides. */
export const devicesOf = (
  rollout: PlannedRollout,
  world: { latest: readonly PlannedRollout[]; devices: readonly CandidateDevice[] },
): CandidateDevice[] => {
  const decided = new Map<GroupId, boolean>();
  const decides = (group: GroupId): boolean => {
    const known = decided.get(group);
    if (known !== undefined) return known;
    const isOurs = decidingRollouts(world.latest, group).get(rollout.line)?.position === rollout.position;
    decided.set(group, isOurs);
    return isOurs;
  };
  return world.devices.filter(({ group }) => decides(group));
};

/** How one device stands with a bundle on a line. */
export const progressOf = (
  { device, isOnline, lines }: CandidateDevice,
  wanted: { line: LineId; digest: Digest },
): DeviceProgress => {
  const report = lines[wanted.line];
  if (report?.running?.digest === wanted.digest) return { device, state: 'running' };
  if (report?.refused?.digest === wanted.digest) {
    const { code, message } = report.refused;
    return { device, state: 'refused', code, message };
  }
  if (!isOnline) return { device, state: 'offline' };
  if (report === undefined || report.step === 'settled' || report.step === 'refused') {
    return { device, state: 'pending' };
  }
  return {
    device,
    state: 'fetching',
    ...(report.progress === undefined ? {} : { progress: report.progress }),
  };
};

/** Counts of states; a device that fetches is pending, too. */
export const countsOf = (devices: readonly DeviceProgress[]): RolloutCounts => {
  const count = (...states: DeviceProgress['state'][]) =>
    devices.filter(({ state }) => states.includes(state)).length;
  return {
    total: devices.length,
    running: count('running'),
    pending: count('pending', 'fetching'),
    refused: count('refused'),
    offline: count('offline'),
  };
};

/** The status that counts make; a rollout is refused once some device refused it and none is still on its way. */
export const statusOf = (counts: RolloutCounts): RolloutStatus => {
  if (counts.running === counts.total) return 'done';
  return counts.refused > 0 && counts.pending === 0 ? 'refused' : 'running';
};
