import { NanofleetError } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { giveUp, nextStart, STARTS_MAX, uncount } from '../../install/agent-loader.mjs';
import {
  type BootState,
  bootStateSchema,
  checkNewer,
  commit,
  FRESH_BOOT,
  isWanted,
  type StagedRelease,
  stage,
} from './boot-state.ts';

const SEED = 20261127;
const INSTALLED = '0.1.0';

const release = (minor: number): StagedRelease =>
  ({ digest: String(minor % 10).repeat(64), version: `0.${minor}.0`, files: [] }) as unknown as StagedRelease;

/** A device as agent and loader make it together; the test drives what happens to it. */
class Device {
  state: BootState = FRESH_BOOT;
  base = 'b';
  /** What runs now; null: the installed agent. */
  running: StagedRelease | null = null;
  readonly lost = new Set<string>();
  /** Starts of the present trial that nobody asked to end. */
  failures = 0;

  constructor() {
    this.start();
  }

  isWhole = ({ digest }: { digest: string }): boolean => !this.lost.has(digest);

  start(): void {
    const before = this.state.trial;
    const next = nextStart(this.state, { base: this.base.repeat(64), isWhole: this.isWhole, at: 1 });
    this.state = bootStateSchema.parse(next.state);
    this.running = next.release;
    this.failures = before !== null && this.state.trial === null ? 0 : this.failures;
  }

  get isOnTrial(): boolean {
    return this.state.trial !== null && this.state.trial.digest === this.running?.digest;
  }

  /** The agent wants a release, and stages it where it may; then it ends to be started as that. */
  want(minor: number, order: number): void {
    const wanted = release(minor);
    const wish = { digest: wanted.digest, version: wanted.version, order };
    if (this.isOnTrial || !isWanted(this.state, wish)) return;
    try {
      checkNewer(this.state, { release: wanted, running: this.running?.version ?? INSTALLED });
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(NanofleetError);
      return;
    }
    this.lost.delete(wanted.digest);
    this.failures = 0;
    this.state = stage(this.state, wanted, order);
    this.start();
  }
}

type Step = (device: Device) => void;

const crash: Step = (device) => {
  if (device.isOnTrial) device.failures += 1;
  device.start();
};
const stop: Step = (device) => {
  if (device.isOnTrial) device.state = uncount(device.state);
  device.start();
};
const late: Step = (device) => {
  if (device.isOnTrial) device.state = giveUp(device.state, 'AGENT_NO_CONTACT', 1);
  device.start();
};
const prove: Step = (device) => {
  if (device.isOnTrial) device.state = commit(device.state);
};
const installAnew: Step = (device) => {
  device.base = device.base === 'b' ? 'c' : 'b';
  device.start();
};

const steps = fc.array(
  fc.oneof(
    fc.constantFrom<Step>(crash, crash, stop, late, prove, installAnew),
    fc.record({ minor: fc.integer({ min: 0, max: 6 }), order: fc.integer({ min: 1, max: 3 }) }).map(
      ({ minor, order }): Step =>
        (device) =>
          device.want(minor, order),
    ),
    fc.integer({ min: 0, max: 6 }).map(
      (minor): Step =>
        (device) =>
          void device.lost.add(release(minor).digest),
    ),
  ),
  { maxLength: 60 },
);

describe('which agent is started, whatever happens', () => {
  const afterEach = (check: (device: Device, before: BootState) => void): void => {
    fc.assert(
      fc.property(steps, (given) => {
        const device = new Device();
        for (const step of given) {
          const before = device.state;
          step(device);
          check(device, before);
        }
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  };

  it('is the installed one, the committed one or the one on probation, and was whole when it was started', () => {
    afterEach(({ running, state }) => {
      const known = [null, state.committed?.digest, state.trial?.digest];
      expect(known).toContain(running?.digest ?? null);
    });
    afterEach((device) => {
      device.start();
      expect(device.running === null || device.isWhole(device.running)).toBe(true);
    });
  });

  it('is no release that was started three times in vain', () => {
    afterEach((device) => {
      const uncommitted = device.isOnTrial ? device.failures : 0;
      expect(uncommitted).toBeLessThan(STARTS_MAX);
      expect(device.state.trial?.starts ?? 0).toBeLessThanOrEqual(STARTS_MAX);
    });
  });

  it('is committed only from a trial, and never an older one than before', () => {
    afterEach(({ state }, before) => {
      const isNew = state.committed !== null && state.committed.digest !== before.committed?.digest;
      expect(isNew ? state.committed?.digest : undefined).toBe(isNew ? before.trial?.digest : undefined);
      const [now, then] = [state, before].map(({ highest }) => Number(highest?.version.split('.')[1] ?? 0));
      expect(now).toBeGreaterThanOrEqual(then ?? 0);
    });
  });

  it('is none that was refused, until it is rolled out again', () => {
    afterEach(({ state: { refused, trial } }) => {
      const isRefused = trial !== null && trial.digest === refused?.digest && trial.order === refused.order;
      expect(isRefused).toBe(false);
    });
  });

  it('is the one that was installed by hand last', () => {
    afterEach((device) => {
      installAnew(device);
      expect([device.running, device.state.committed, device.state.trial]).toEqual([null, null, null]);
    });
  });
});
