// When reports let a rollout be looked at before its next look is due.
import type { DeviceId, Digest, LineId, LineReport, Uuid } from '@nanofleet/protocol';
import { rolloutPlanSchema } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import type { ReportChange } from '../devices/reports.repository.ts';
import { exposed, newMember, takenBack } from './members.plan.ts';
import { Outstanding } from './outstanding.ts';
import { newRollout, type RolloutState } from './rollouts.machine.ts';

const ID = '01890a5d-ac96-774b-bcce-000000000001' as Uuid;
const LINE = 'intent' as LineId;
const [NEW, OLD] = ['a', 'b'].map((letter) => letter.repeat(64) as Digest) as [Digest, Digest];
const NAMES = ['one', 'two'] as DeviceId[];

const given = newRollout(NEW, rolloutPlanSchema.parse({ waves: [{ percent: 100 }] }), 0);
const members = NAMES.map((name) =>
  exposed(newMember(name), { wave: 0, at: 0, together: NAMES.length, before: OLD }),
);
const running: RolloutState = {
  ...given,
  phase: 'running',
  members: new Map(members.map((member) => [member.device, member])),
};
const goingBack: RolloutState = {
  ...running,
  phase: 'rolling-back',
  members: new Map(members.map((member) => [member.device, takenBack(member)])),
};

const runs = (digest: Digest): LineReport => ({
  running: { version: '1', releaseCounter: 1, digest },
  step: 'settled',
  committed: digest,
});

const says = (device: DeviceId | undefined, report: LineReport): ReportChange =>
  ({ device, said: { lines: { [LINE]: report } } }) as unknown as ReportChange;

const refuses: LineReport = {
  ...runs(OLD),
  refused: { version: '2', digest: NEW, code: 'GOLDEN_MISMATCH', message: 'No.', at: 5 },
} as LineReport;

describe('a rollout', () => {
  it('is looked at once its last device has decided, and not before', () => {
    const outstanding = new Outstanding();
    expect(outstanding.expect(ID, running, LINE)).toBe(false);
    expect(outstanding.heard([says(NAMES[0], runs(OLD)), says(NAMES[1], runs(NEW))])).toBe(false);
    expect(outstanding.heard([says(NAMES[1], runs(NEW))])).toBe(false);
    expect(outstanding.heard([says(NAMES[0], refuses)])).toBe(true);
    expect(outstanding.heard([says(NAMES[0], refuses)])).toBe(false);
  });

  it('is looked at when a device refuses, once for each', () => {
    const outstanding = new Outstanding();
    outstanding.expect(ID, running, LINE);
    expect(outstanding.heard([says(NAMES[0], refuses)])).toBe(true);
    expect(outstanding.heard([says(NAMES[0], refuses)])).toBe(false);
    outstanding.expect(ID, goingBack, LINE);
    expect(outstanding.heard([says(NAMES[0], { ...runs(NEW), refused: refuses.refused })])).toBe(false);
  });

  it('waits for those that go back', () => {
    const outstanding = new Outstanding();
    outstanding.expect(ID, goingBack, LINE);
    expect(outstanding.heard([says(NAMES[0], runs(NEW)), says(NAMES[1], runs(OLD))])).toBe(false);
    expect(outstanding.heard([says(NAMES[0], runs(OLD))])).toBe(true);
  });

  it('misses nobody who answers while it is looked at', () => {
    const outstanding = new Outstanding();
    outstanding.looking();
    outstanding.heard(NAMES.map((name) => says(name, runs(NEW))));
    expect(outstanding.expect(ID, running, LINE)).toBe(true);
    expect(outstanding.expect(ID, running, LINE)).toBe(false);
  });

  it('waits for nobody who is away, and for nothing once it is forgotten', () => {
    const outstanding = new Outstanding();
    const away = members.map((member, at) => (at === 0 ? { ...member, sinceAt: null } : member));
    outstanding.expect(ID, { ...running, members: new Map(away.map((one) => [one.device, one])) }, LINE);
    expect(outstanding.heard([says(NAMES[1], runs(NEW))])).toBe(true);
    outstanding.expect(ID, running, LINE);
    outstanding.keep(new Set());
    expect(outstanding.heard(NAMES.map((name) => says(name, runs(NEW))))).toBe(false);
  });
});
