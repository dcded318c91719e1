/**
 * What a rollout would do: gathers what is recorded of the devices that it is for, and has `forecast.plan.ts` play it
 * through. Owns what is assumed where nothing is recorded; changes nothing.
 */
import {
  type ApiRequest,
  type DeviceId,
  FORECAST_DEVICES_MAX,
  type RolloutForecast,
  type RolloutPlan,
  rolloutPlanSchema,
} from '@nanofleet/protocol';
import { type Clock, pause } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { isMeantFor } from '../devices/desired.plan.ts';
import { DevicesRepository } from '../devices/devices.repository.ts';
import { type TransferRow, TransfersRepository } from '../history/transfers.repository.ts';
import { ModelsService } from '../models/models.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { BundleCostService } from './bundle-cost.service.ts';
import { type Forecast, type ForecastDevice, forecasting } from './forecast.plan.ts';
import { ForecastRepository } from './forecast.repository.ts';
import { checkPlan } from './plan-check.ts';
import { presenceOf } from './presence.plan.ts';
import { targetColumns } from './rollout-target.ts';
import { RolloutsRepository } from './rollouts.repository.ts';

/** Where no transfer of the line is recorded: a slow line, a short trial and a probation with little to hear. */
const ASSUMED = { bytesPerSecond: 100_000, settleS: 30 } as const;
const DAY_S = 86_400;
/** Looks between two breaths. */
const LOOKS_AT_ONCE = 4;

type Asked = ApiRequest<'forecastRollout'>['body'];
type Seen = Awaited<ReturnType<RolloutsRepository['sightings']>>[number];

/** Forecasts of rollouts. */
@Injectable()
export class ForecastService {
  constructor(
    private readonly rollouts: RolloutsRepository,
    private readonly records: ForecastRepository,
    private readonly transfers: TransfersRepository,
    private readonly devices: DevicesRepository,
    private readonly models: ModelsService,
    private readonly costs: BundleCostService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What it would do. @throws NanofleetError MODEL_UNKNOWN, ROLLOUT_PLAN_INVALID */
  async forecast({ digest, plan, target }: Asked): Promise<RolloutForecast> {
    const { line } = await this.models.known(digest);
    const stated = plan ?? rolloutPlanSchema.parse({ waves: [{ percent: 100 }] });
    checkPlan(stated, target);
    const meant = targetColumns(target);
    const seen = (await this.rollouts.sightings(line)).filter((device) => isMeantFor(meant, device));
    const at = this.clock.unixMs();
    const known = await this.#known(seen, { at, digest, line, plan: stated });
    const { sample, scale } = sampled(known.devices, stated);
    const forecast = await this.#played({ at, digest, plan: scaledPlan(stated, scale), devices: sample });
    return {
      ...forecast,
      at,
      waves: forecast.waves.map((wave) => ({
        ...wave,
        quota: Math.min(seen.length, Math.round(wave.quota / scale)),
      })),
      devices: {
        total: seen.length,
        withPresence: known.devices.filter(({ presence }) => presence.knownS >= DAY_S).length,
        withRate: known.withRate,
        notReached: Math.min(seen.length, Math.round(forecast.notReached / scale)),
      },
      bytes: known.bytes,
      notes: [...notesOf(stated, { isSampled: scale < 1, withRate: known.withRate }), ...forecast.notes],
    };
  }

  async #played(input: Parameters<typeof forecasting>[0]): Promise<Forecast> {
    const looks = forecasting(input);
    for (let look = 1; ; look += 1) {
      const { done, value } = looks.next();
      if (done === true) return value;
      if (look % LOOKS_AT_ONCE === 0) await pause(this.clock, 0);
    }
  }

  async #known(
    seen: readonly Seen[],
    {
      at,
      digest,
      line,
      plan,
    }: { at: number; plan: RolloutPlan } & Pick<Asked, 'digest'> & Pick<TransferRow, 'line'>,
  ) {
    const runningOf = ({ report }: Seen) => report?.running?.digest ?? null;
    const [comings, rates, rows, policies, costs] = await Promise.all([
      this.records.comings(),
      this.records.decisionRates(),
      this.transfers.list(line),
      this.devices.policies(),
      this.costs.of(digest, new Set(seen.map(runningOf))),
    ]);
    const links = linksOf(rows);
    const devices = seen.map((device): ForecastDevice => {
      const transfer = policies.get(device.group)?.transfer ?? null;
      const link = links.of(device.device);
      return {
        device: device.device,
        group: device.group,
        timeZone: device.tags['time-zone'] ?? plan.timeZone,
        presence: presenceOf(comings.get(device.device) ?? [], { at, isOnline: device.isOnline }),
        bytes: costs.get(runningOf(device))?.bytes ?? 0,
        bytesPerSecond: Math.min(link.bytesPerSecond, transfer?.bytesPerSecond ?? Number.POSITIVE_INFINITY),
        settleS: link.settleS,
        transfer,
        decisionsPerSecond: rates.get(device.device) ?? 0,
      };
    });
    const whole = seen.reduce((sum, device) => sum + (costs.get(runningOf(device))?.whole ?? 0), 0);
    const total = devices.reduce((sum, { bytes }) => sum + bytes, 0);
    const withRate = seen.filter(({ device }) => links.isKnown(device)).length;
    return { devices, bytes: { total, whole }, withRate };
  }
}

const median = (values: readonly number[]): number | null =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? null;

interface DeviceLink {
  readonly bytesPerSecond: number;
  readonly settleS: number;
}

/** What is known of the links of devices; the others are given the median of these. */
const linksOf = (rows: readonly TransferRow[]) => {
  const byDevice = new Map<DeviceId, TransferRow[]>();
  for (const row of rows) byDevice.set(row.device, [...(byDevice.get(row.device) ?? []), row]);
  const links = new Map<DeviceId, DeviceLink>();
  for (const [device, own] of byDevice) {
    const sum = (of: (row: TransferRow) => number): number => own.reduce((total, row) => total + of(row), 0);
    const seconds = Math.max(1e-3, sum(({ fetchMs }) => fetchMs) / 1_000);
    const settleS = (median(own.map(({ settleMs }) => settleMs)) ?? 0) / 1_000;
    links.set(device, { bytesPerSecond: Math.max(1, sum(({ bytes }) => bytes) / seconds), settleS });
  }
  const all = [...links.values()];
  const usual: DeviceLink = {
    bytesPerSecond: median(all.map(({ bytesPerSecond }) => bytesPerSecond)) ?? ASSUMED.bytesPerSecond,
    settleS: median(all.map(({ settleS }) => settleS)) ?? ASSUMED.settleS,
  };
  return {
    of: (device: DeviceId) => links.get(device) ?? usual,
    isKnown: (device: DeviceId) => links.has(device),
  };
};

/** So many devices that stand for all: evenly by name, with those that the plan names. */
const sampled = (devices: readonly ForecastDevice[], plan: RolloutPlan) => {
  if (devices.length <= FORECAST_DEVICES_MAX) return { sample: devices, scale: 1 };
  const named = new Set(plan.waves.flatMap((wave) => ('devices' in wave ? wave.devices : [])));
  const each = devices.length / FORECAST_DEVICES_MAX;
  const even = new Set(
    Array.from({ length: FORECAST_DEVICES_MAX }, (_, at) => devices[Math.floor(at * each)]),
  );
  const sample = devices.filter((device) => even.has(device) || named.has(device.device));
  return { sample, scale: sample.length / devices.length };
};

/** The plan for a sample: its numbers of devices are shares of theirs. */
const scaledPlan = (plan: RolloutPlan, scale: number): RolloutPlan => {
  if (scale === 1) return plan;
  const least = (count: number): number => Math.max(1, Math.round(count * scale));
  const { disruption, rate } = plan;
  return {
    ...plan,
    waves: plan.waves.map((wave) => ('count' in wave ? { ...wave, count: least(wave.count) } : wave)),
    ...(disruption === undefined ? {} : { disruption: { perGroup: least(disruption.perGroup) } }),
    ...(rate === undefined ? {} : { rate: { ...rate, perMinute: rate.perMinute * scale } }),
  };
};

const notesOf = (
  plan: RolloutPlan,
  { isSampled, withRate }: { isSampled: boolean; withRate: number },
): string[] => [
  'Devices come and go as they did, take as long as they did, and none refuses it.',
  ...(plan.approval || plan.waves.some(({ approval }) => approval === true)
    ? ['Approvals are given at once.']
    : []),
  ...(plan.gate === undefined ? [] : ['Its gate finds nothing wrong, and models that hardly differ.']),
  ...(withRate === 0
    ? [
        `No transfer of the line is recorded: ${ASSUMED.bytesPerSecond / 1_000} kB a second are assumed, and ${ASSUMED.settleS} s until it runs for good.`,
      ]
    : []),
  ...(isSampled ? [`${FORECAST_DEVICES_MAX} devices stand for all.`] : []),
];
