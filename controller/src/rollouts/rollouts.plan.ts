/**
 * How far a rollout has come, out of what devices report. Pure. Devices that are offline are counted apart: they must
 * neither hold a rollout up nor make it look better.
 */
import type {
  ApiAnswer,
  DeviceId,
  DeviceTags,
  Digest,
  GroupId,
  LineId,
  LineReport,
  RolloutPhase,
} from '@nanofleet/protocol';
import { decidingRollouts, isMeantFor, isWhole, type PlannedRollout } from '../devices/desired.plan.ts';
import { countsOfWave, type Member, type Sighting } from './members.plan.ts';
import type { RolloutState } from './rollouts.machine.ts';
import { quotaOf, waveCount } from './waves.plan.ts';

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
  readonly tags: DeviceTags;
  readonly isOnline: boolean;
  readonly lines: Readonly<Record<string, LineReport>>;
}

const coversAll = (rollout: PlannedRollout, other: PlannedRollout): boolean => {
  if (rollout.targetKind === 'controller') return other.targetKind === 'controller';
  if (other.line !== rollout.line || other.targetKind === 'controller') return false;
  return (
    other.targetKind === 'all' ||
    (other.targetKind === rollout.targetKind &&
      other.targetGroup === rollout.targetGroup &&
      JSON.stringify(other.targetTags) === JSON.stringify(rollout.targetTags))
  );
};

const GONE: readonly (RolloutPhase | null)[] = ['aborted', 'rolling-back', 'rolled-back'];

/**
 * Whether a later rollout has taken all that this one was for. One that goes to everybody gives way to another such one
 * only: until the last wave of a later one is through, it decides what the rest runs.
 */
export const isSuperseded = (rollout: PlannedRollout, latest: readonly PlannedRollout[]): boolean =>
  latest.some(
    (other) =>
      other.position > rollout.position &&
      coversAll(rollout, other) &&
      (isWhole(rollout) ? isWhole(other) : !GONE.includes(other.phase)),
  );

/** Devices whose line this rollout, which goes to everybody, decides. */
export const devicesOf = (
  rollout: PlannedRollout,
  world: { latest: readonly PlannedRollout[]; devices: readonly CandidateDevice[] },
): CandidateDevice[] => {
  const whole = world.latest.filter(isWhole);
  return world.devices.filter(
    (device) =>
      isMeantFor(rollout, device) &&
      decidingRollouts(whole, { ...device, memberships: new Map() }).get(rollout.line)?.position ===
        rollout.position,
  );
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

/** How a device of a rollout in waves stands. */
export const stagedProgressOf = (
  member: Member,
  device: CandidateDevice | undefined,
  wanted: { line: LineId; digest: Digest },
): DeviceProgress => {
  const name = member.device;
  const wave = member.wave === null ? {} : { wave: member.wave };
  if (member.step === 'waiting') return { device: name, state: 'waiting' };
  if (member.step === 'back' || member.step === 'returned') return { device: name, state: 'back', ...wave };
  if (member.step === 'succeeded') return { device: name, state: 'running', ...wave };
  const own = device === undefined ? { device: name, state: 'offline' as const } : progressOf(device, wanted);
  if (member.step === 'failed' && own.state !== 'refused') {
    const code = member.code === null ? {} : { code: member.code };
    return { device: name, state: 'refused', ...code, ...wave };
  }
  return { ...own, ...wave };
};

/** Each wave so far, and those to come. */
export const wavesOf = (state: RolloutState): NonNullable<RolloutAnswer['course']>['waves'] =>
  Array.from({ length: waveCount(state.plan) }, (_, wave) => ({
    quota: quotaOf(state.plan, { wave, total: state.members.size }),
    ...countsOfWave(state.members.values(), wave),
  }));

/** What a line runs for good; an agent of before knows no probation: what it runs is all that it says. */
export const runsForGood = (report: LineReport | null): Digest | null =>
  (report?.committed === undefined ? report?.running?.digest : report.committed) ?? null;

/** A device as the machine sees it. */
export const sightingOf = (
  row: {
    device: DeviceId;
    group: GroupId;
    tags: DeviceTags;
    isOnline: boolean;
    report: LineReport | null;
  },
  more: { isBusy: boolean; timeZone: string },
): Sighting => {
  const { device, group, isOnline, report, tags } = row;
  const refused = report?.refused;
  return {
    device,
    group,
    isOnline,
    isBusy: more.isBusy,
    timeZone: tags['time-zone'] ?? more.timeZone,
    running: runsForGood(report),
    refused: refused === undefined ? null : { digest: refused.digest, code: refused.code, at: refused.at },
  };
};

/** Counts of states; a device that fetches is pending, too. */
export const countsOf = (devices: readonly DeviceProgress[]): RolloutCounts => {
  const count = (...states: DeviceProgress['state'][]) =>
    devices.filter(({ state }) => states.includes(state)).length;
  return {
    total: devices.length,
    running: count('running'),
    pending: count('pending', 'fetching', 'waiting'),
    refused: count('refused'),
    offline: count('offline'),
  };
};

const PHASE_STATUS: Readonly<Record<RolloutPhase, RolloutStatus>> = {
  approval: 'running',
  scheduled: 'running',
  running: 'running',
  paused: 'running',
  'rolling-back': 'running',
  done: 'done',
  aborted: 'stopped',
  'rolled-back': 'stopped',
  superseded: 'superseded',
};

/** The status of a rollout in waves. */
export const stagedStatusOf = (phase: RolloutPhase): RolloutStatus => PHASE_STATUS[phase];

/** The status that counts make; a rollout is refused once some device refused it and none is still on its way. */
export const statusOf = (counts: RolloutCounts): RolloutStatus => {
  if (counts.running === counts.total) return 'done';
  return counts.refused > 0 && counts.pending === 0 ? 'refused' : 'running';
};
