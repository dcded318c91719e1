/**
 * What open rollouts wait for between two looks: devices that are to decide, or to go back. A wave ends when its last device
 * has decided, and a bad version stops when devices refuse it, not at the next look: those at a great fleet are rare. Only
 * spares time: looks find everything by themselves.
 */
import type { DeviceId, Digest, LineId, Uuid } from '@nanofleet/protocol';
import type { ReportChange } from '../devices/reports.repository.ts';
import type { RolloutState } from './rollouts.machine.ts';
import { runsForGood } from './rollouts.plan.ts';

interface Expected {
  readonly line: LineId;
  readonly digest: Digest;
  readonly isGoingBack: boolean;
  readonly devices: Set<DeviceId>;
}

const expectedOf = ({ digest, members, phase }: RolloutState, line: LineId): Expected => {
  const isGoingBack = phase === 'rolling-back';
  const open = [...members.values()].filter(({ sinceAt, step }) =>
    isGoingBack ? step === 'back' : step === 'exposed' && sinceAt !== null,
  );
  return { line, digest, isGoingBack, devices: new Set(open.map(({ device }) => device)) };
};

const answerOf = (
  { digest, isGoingBack, line }: Expected,
  { said }: ReportChange,
): 'done' | 'refused' | null => {
  const report = said.lines[line];
  if (report === undefined) return null;
  if ((runsForGood(report) === digest) !== isGoingBack) return 'done';
  return !isGoingBack && report.refused?.digest === digest ? 'refused' : null;
};

/** Strikes out who has answered; whether nobody is left since, or somebody has refused. */
const strike = (expected: Expected, changes: readonly ReportChange[]): boolean => {
  const { devices } = expected;
  const isOpen = devices.size > 0;
  let isRefused = false;
  for (const change of changes) {
    const answer = answerOf(expected, change);
    if (answer !== null && devices.delete(change.device)) isRefused ||= answer === 'refused';
  }
  return isRefused || (isOpen && devices.size === 0);
};

/** Rollouts and whom they wait for. */
export class Outstanding {
  readonly #byRollout = new Map<Uuid, Expected>();
  /** Reports that a look may have missed; null while none is under way. */
  #missed: ReportChange[] | null = null;

  /** The devices of a rollout are about to be looked at. */
  looking(): void {
    this.#missed = [];
  }

  /** A rollout after a look; whether it is to be looked at again. */
  expect(id: Uuid, state: RolloutState, line: LineId): boolean {
    const expected = expectedOf(state, line);
    this.#byRollout.set(id, expected);
    const missed = this.#missed ?? [];
    this.#missed = null;
    return strike(expected, missed);
  }

  /** Reports that were stored; whether some rollout is to be looked at. */
  heard(changes: readonly ReportChange[]): boolean {
    this.#missed?.push(...changes);
    return [...this.#byRollout.values()].filter((expected) => strike(expected, changes)).length > 0;
  }

  /** Forgets all rollouts but these. */
  keep(ids: ReadonlySet<Uuid>): void {
    for (const id of this.#byRollout.keys()) if (!ids.has(id)) this.#byRollout.delete(id);
  }
}
