/**
 * What a rollout would do to a fleet: the machine that drives rollouts is driven here through the time to come, with
 * devices that come and go as they did. Pure; in steps, so that whoever asks can let others have their turn.
 */
import type { DeviceId, Digest, GroupId, RolloutForecast, RolloutPlan, Transfer } from '@nanofleet/protocol';
import { transferFor } from '../devices/transfer.plan.ts';
import { evidenceOfLosses } from './evidence.plan.ts';
import { wasGiven } from './members.plan.ts';
import { isReachable, type Presence, reachableFor, shareReachable } from './presence.plan.ts';
import { type GateVerdict, isEnded, newRollout, type RolloutState, step } from './rollouts.machine.ts';
import { quotaOf, waveCount } from './waves.plan.ts';

/** Looks of one forecast. */
const LOOKS_MAX = 8_000;
/** Seconds between two looks, until so many seconds from now. */
const PACE = [
  { untilS: 120, everyS: 1 },
  { untilS: 3_600, everyS: 5 },
  { untilS: 86_400, everyS: 60 },
  { untilS: Number.POSITIVE_INFINITY, everyS: 600 },
] as const;
const PERCENTS = [50, 90, 99, 100] as const;

/** A device as far as it matters here. */
export interface ForecastDevice {
  readonly device: DeviceId;
  readonly group: GroupId;
  readonly timeZone: string;
  readonly presence: Presence;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  /** From the last byte to the end of the probation. */
  readonly settleS: number;
  /** What its group says of when to fetch; null: by how many are told together. */
  readonly transfer: Transfer | null;
  readonly decisionsPerSecond: number;
}

/** What is asked. */
export interface ForecastInput {
  readonly at: number;
  readonly digest: Digest;
  /** Its numbers of devices are of those that are given here. */
  readonly plan: RolloutPlan;
  readonly devices: readonly ForecastDevice[];
}

/** What is found. */
export type Forecast = Pick<RolloutForecast, 'throughS' | 'waves' | 'reached' | 'notes'> & {
  readonly notReached: number;
};

const everyS = (atS: number): number => PACE.find(({ untilS }) => atS < untilS)?.everyS ?? 600;

/** Before a device begins to fetch, on average: half the time over which those begin that are told together. */
const spreadS = (device: ForecastDevice, together: number): number =>
  (transferFor(device.transfer, together)?.spreadMs ?? 0) / 2_000;

/** When a device runs the bundle that it is given at a time with some others; null for never. */
const runsAt = (device: ForecastDevice, given: { atS: number; together: number }): number | null => {
  const { bytes, bytesPerSecond, presence, settleS } = device;
  const neededS = spreadS(device, given.together) + bytes / bytesPerSecond + settleS;
  return reachableFor(presence, { fromS: given.atS, neededS });
};

/** Judged inputs that exclude the loss which a gate wants excluded, if the models never differ; more if they do. */
export const judgedNeeded = ({ falseStop, harmPoints }: NonNullable<RolloutPlan['gate']>): number => {
  const chance = 1 - harmPoints / 100;
  const isEnough = (losses: number): boolean =>
    evidenceOfLosses({ losses, wins: 0, chance }) >= 1 / falseStop;
  let most = 1;
  while (!isEnough(most) && most < 1e6) most *= 2;
  let least = most / 2;
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2);
    if (isEnough(middle)) most = middle;
    else least = middle;
  }
  return most;
};

/** A rollout under way in the time to come. */
class Course {
  readonly #input: ForecastInput;
  /** When each device that was given the bundle runs it. */
  readonly #runs = new Map<DeviceId, number | null>();
  readonly #byName: ReadonlyMap<DeviceId, ForecastDevice>;
  readonly #needed: number;
  readonly begins: (number | null)[];
  readonly ends: (number | null)[];
  state: RolloutState;

  constructor(input: ForecastInput) {
    const { at, devices, digest, plan } = input;
    this.#input = input;
    this.#byName = new Map(devices.map((device) => [device.device, device]));
    this.#needed = plan.gate === undefined ? 0 : Math.max(plan.gate.decisions, judgedNeeded(plan.gate));
    this.begins = Array.from({ length: waveCount(plan) }, () => null);
    this.ends = [...this.begins];
    this.state = newRollout(digest, plan, at);
  }

  /** Whether nothing more happens by itself. */
  get isOver(): boolean {
    const { phase } = this.state;
    return isEnded(this.state) || phase === 'paused' || phase === 'rolling-back';
  }

  /** A look so many seconds from now; what waits for a person is approved. */
  look(atS: number): void {
    const before = this.state;
    const at = this.#input.at + atS * 1_000;
    const devices = this.#input.devices.map((device) => this.#sighting(device, atS));
    const gate = this.#gate(atS);
    let after = step(before, { kind: 'looked', at, devices, gate });
    if (after.phase === 'approval') after = step(after, { kind: 'approve', at });
    this.state = after;
    if (after.startedAt !== null) this.begins[0] ??= (after.startedAt - this.#input.at) / 1_000;
    for (let wave = before.wave; wave < after.wave; wave += 1) this.#passed(wave, atS);
    if (after.phase === 'done') this.#passed(after.wave, atS);
    for (const member of after.members.values()) {
      const device = this.#byName.get(member.device);
      if (device !== undefined && wasGiven(member) && !this.#runs.has(member.device))
        this.#runs.set(member.device, runsAt(device, { atS, together: member.together ?? 1 }));
    }
  }

  /** When devices run it, those too that get it once all waves are through; never for the others. */
  runTimes(): (number | null)[] {
    const throughS = this.ends.at(-1) ?? null;
    const together = this.#input.devices.length - this.#runs.size;
    return this.#input.devices.map((device) => {
      const known = this.#runs.get(device.device);
      if (known !== undefined) return known;
      return throughS === null ? null : runsAt(device, { atS: throughS, together });
    });
  }

  #passed(wave: number, atS: number): void {
    this.ends[wave] = atS;
    if (wave + 1 < this.begins.length) this.begins[wave + 1] = atS;
  }

  #sighting({ device, group, presence, timeZone }: ForecastDevice, atS: number) {
    const runsS = this.#runs.get(device) ?? null;
    const running = runsS !== null && runsS <= atS ? this.#input.digest : null;
    const isOnline = isReachable(presence, atS);
    return { device, group, timeZone, isOnline, running, refused: null, isBusy: false };
  }

  /** A gate that finds nothing wrong passes once enough was decided. */
  #gate(atS: number): GateVerdict | null {
    const { gate } = this.#input.plan;
    if (gate === undefined) return null;
    let decisions = 0;
    for (const [name, runsS] of this.#runs) {
      const device = this.#byName.get(name);
      if (device === undefined || runsS === null || runsS > atS) continue;
      decisions += (atS - runsS) * device.decisionsPerSecond * shareReachable(device.presence);
    }
    const sinceMs = this.#input.at + atS * 1_000 - (this.state.waveAt ?? this.#input.at);
    const message = `${Math.floor(decisions)} of ${this.#needed} decisions`;
    if (decisions >= this.#needed) return { verdict: 'passed', message };
    return { verdict: sinceMs >= gate.deadlineS * 1_000 ? 'unclear' : 'collecting', message };
  }
}

const within = (seconds: number | null, totalS: number): number | null =>
  seconds === null || seconds > totalS ? null : Math.round(seconds);

const forecastOf = (course: Course, { devices, plan }: ForecastInput): Forecast => {
  const beginS = Math.max(0, course.begins[0] ?? 0);
  const limitS = beginS + plan.totalS;
  const times = course.runTimes().map((seconds) => within(seconds, limitS));
  const sorted = times.flatMap((seconds) => seconds ?? []).sort((left, right) => left - right);
  const { reason } = course.state;
  return {
    throughS: within(course.ends.at(-1) ?? null, limitS),
    waves: course.begins.map((begins, wave) => ({
      quota: quotaOf(plan, { wave, total: devices.length }),
      beginsS: within(begins, limitS),
      endsS: within(course.ends[wave] ?? null, limitS),
    })),
    reached: PERCENTS.map((percent) => ({
      percent,
      afterS: sorted[Math.ceil((percent / 100) * devices.length) - 1] ?? null,
    })),
    notReached: devices.length - sorted.length,
    notes: reason === null ? [] : [`It would stop in wave ${course.state.wave + 1}: ${reason.message}`],
  };
};

/** Looks one after the other; what it returns at last is the forecast. */
export function* forecasting(input: ForecastInput): Generator<void, Forecast> {
  const course = new Course(input);
  let atS = Math.max(0, ((input.plan.startAt ?? 0) - input.at) / 1_000);
  for (let looks = 0; looks < LOOKS_MAX && !course.isOver; looks += 1) {
    course.look(atS);
    const sinceS = atS - (course.begins[0] ?? atS);
    if (sinceS > input.plan.totalS) break;
    atS += everyS(sinceS);
    yield;
  }
  return forecastOf(course, input);
}
