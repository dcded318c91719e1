/**
 * Has the gate of a rollout look now and then: takes what devices say in their beats into their tallies, lets
 * `quality-gate.plan.ts` judge, keeps what it found. Never steps a rollout.
 */
import {
  CONTROL_DEVICES_MAX,
  type DeviceId,
  GATE_POINTS_MAX,
  type GatePoint,
  type GateView,
} from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../ports/clock.ts';
import { wasGiven } from './members.plan.ts';
import { type Finding, judged } from './quality-gate.plan.ts';
import type { RolloutState } from './rollouts.machine.ts';
import { type MemberRow, type RolloutRow, RolloutsRepository } from './rollouts.repository.ts';
import { NO_TALLY, type Tally, tallied } from './tally.plan.ts';

/** Beats come every five seconds at most. */
const LOOK_EVERY_MS = 5_000;

/** Gates of rollouts in waves. */
@Injectable()
export class GateService {
  constructor(
    private readonly repository: RolloutsRepository,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What the gate of a rollout says now; null without one, and before it has begun to count. */
  async look(
    row: RolloutRow,
    { members, state }: { members: readonly MemberRow[]; state: RolloutState },
  ): Promise<GateView | null> {
    const gate = state.plan.gate;
    const at = this.clock.unixMs();
    if (gate === undefined) return null;
    if (row.gate !== null && row.gate.wave === state.wave && at - row.gate.at < LOOK_EVERY_MS)
      return row.gate;
    const watched = watchedOf(members);
    const told = await this.repository.told(
      row.line,
      watched.map(({ device }) => device),
    );
    const now = { digest: row.digest, isBegun: state.startedAt !== null };
    const tallies = new Map<DeviceId, Tally>();
    const known = new Map(watched.map(({ device, tally }) => [device, tally]));
    for (const { device, told: beat } of told) {
      const tally = known.get(device) ?? NO_TALLY;
      tallies.set(device, beat === null ? tally : tallied(tally, beat, now));
    }
    if (state.startedAt === null) {
      // Nothing to judge yet; what was counted so far is the devices' past.
      await this.repository.setGate(row.id, { gate: emptyView(state, at), tallies });
      return null;
    }
    const finding = judged({ gate, ...armsOf(tallies), sinceS: (at - (state.waveAt ?? at)) / 1_000 });
    const view = {
      ...finding,
      at,
      wave: state.wave,
      points: pointsAfter(row.gate?.points ?? [], finding, at),
    };
    await this.repository.setGate(row.id, { gate: view, tallies });
    return view;
  }
}

/** Devices that have the bundle, and as many without it as the bound lets. */
const watchedOf = (members: readonly MemberRow[]): MemberRow[] => {
  const sorted = members.toSorted((left, right) => (left.device < right.device ? -1 : 1));
  const waiting = sorted.filter(({ step }) => step === 'waiting').slice(0, CONTROL_DEVICES_MAX);
  return [...sorted.filter(wasGiven), ...waiting];
};

const armsOf = (tallies: ReadonlyMap<DeviceId, Tally>) => {
  const all = [...tallies.values()];
  return {
    exposed: all.filter(({ arm }) => arm === 'exposed'),
    control: all.filter(({ arm, during }) => arm === 'control' && during.decisions > 0),
  };
};

const emptyView = ({ wave }: RolloutState, at: number): GateView => ({
  at,
  wave,
  verdict: 'collecting',
  message: 'Nobody has the bundle yet.',
  devices: { exposed: 0, control: 0 },
  decisions: 0,
  signals: [],
  points: [],
});

const bysignal = (finding: Finding, arm: 'exposed' | 'control'): GatePoint['exposed'] =>
  Object.fromEntries(
    finding.signals.flatMap((signal) => {
      const value = signal[arm];
      return value === null ? [] : [[signal.signal, value]];
    }),
  );

/** The points with one more; at the bound each second one leaves, so that the plot keeps its whole span. */
const pointsAfter = (points: readonly GatePoint[], finding: Finding, at: number): GatePoint[] => {
  const kept = points.length < GATE_POINTS_MAX ? points : points.filter((_, index) => index % 2 === 1);
  const evidence = Math.max(...finding.signals.map(({ evidence: value, needed }) => value / needed));
  const { decisions } = finding;
  return [
    ...kept,
    { at, decisions, exposed: bysignal(finding, 'exposed'), control: bysignal(finding, 'control'), evidence },
  ];
};
