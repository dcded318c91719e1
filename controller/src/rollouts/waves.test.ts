// A rollout in waves through the operator's API, with devices that obey what they are told: who is told when, what stops
// it, and how everybody gets back what they had.
import type { BodyOf, LineReport, Rollout, RolloutOrder, Uuid } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { publishBundle, type TestBundle } from '../testing/test-bundle.ts';
import type { TestDevice } from '../testing/test-device.ts';

const WAIT = { withinMs: 20_000 };

const running = ({ digest, manifest }: TestBundle): LineReport => ({
  running: { version: manifest.version, releaseCounter: manifest.releaseCounter, digest },
  step: 'settled',
});

const report = (device: TestDevice, line: LineReport): Promise<void> =>
  device.send('reported', {
    ...device.mark,
    desiredVersion: device.desired?.version ?? 0,
    lines: { intent: line } as BodyOf<'reported'>['lines'],
    problems: [],
  });

/** A group of devices that run a first bundle, and a second one to roll out. */
class Homes {
  readonly devices: TestDevice[] = [];

  constructor(
    private readonly controller: GetController,
    readonly group: string,
    readonly bundles: readonly [TestBundle, TestBundle],
  ) {}

  static async of(controller: GetController, group: string, count: number): Promise<Homes> {
    const first = await publishBundle(controller(), { version: `${group}-1`, releaseCounter: 1 });
    const second = await publishBundle(controller(), { version: `${group}-2`, releaseCounter: 2 });
    const homes = new Homes(controller, group, [first, second]);
    await controller().call('makeRollout', { body: { digest: first.digest, target: { group } } });
    for (let at = 0; at < count; at += 1) await homes.come(`${group}-${at}`);
    return homes;
  }

  async come(name: string): Promise<TestDevice> {
    const device = await this.controller().device(name, { group: this.group });
    await device.connect();
    await device.birth();
    await eventually(() => expect(device.desired?.lines).toHaveProperty('intent'));
    await report(device, running(this.bundles[0]));
    // What a device had before a rollout is what was stored by then.
    const stored = () => this.controller().call('device', { params: { device: device.name } });
    await eventually(async () => expect((await stored()).lines).toHaveProperty('intent.running'), WAIT);
    this.devices.push(device);
    return device;
  }

  push(plan: object): Promise<Rollout> {
    const body = { digest: this.bundles[1].digest, target: { group: this.group }, plan: plan as never };
    return this.controller().call('makeRollout', { body });
  }

  show(id: Uuid): Promise<Rollout> {
    return this.controller().call('rollout', { params: { id } });
  }

  order(id: Uuid, order: RolloutOrder): Promise<Rollout> {
    return this.controller().call('orderRollout', { params: { id }, body: { order } });
  }

  /** Devices that are told to run the second bundle. */
  told(): TestDevice[] {
    return this.devices.filter(({ desired }) =>
      Object.values(desired?.lines ?? {}).some(({ digest }) => digest === this.bundles[1].digest),
    );
  }

  async toldCount(count: number): Promise<TestDevice[]> {
    await eventually(() => expect(this.told()).toHaveLength(count), WAIT);
    return this.told();
  }

  async phase(id: Uuid, phase: string): Promise<Rollout> {
    await eventually(async () => expect((await this.show(id)).course?.phase).toBe(phase), WAIT);
    return this.show(id);
  }
}

const waves = (controller: GetController): void => {
  it('tells the devices of a wave, and the next ones once those run it', async () => {
    const homes = await Homes.of(controller, 'north', 4);
    const made = await homes.push({ waves: [{ count: 1 }, { percent: 50 }] });
    expect(made).toMatchObject({ status: 'running', course: { wave: 0 } });
    for (const count of [1, 2, 4]) {
      for (const device of await homes.toldCount(count)) await report(device, running(homes.bundles[1]));
    }
    const done = await homes.phase(made.id, 'done');
    expect(done).toMatchObject({ status: 'done', counts: { total: 4, running: 4 } });
    expect(done.course?.waves.map(({ succeeded }) => succeeded)).toEqual([1, 1, 2]);
    const late = await homes.come('north-late');
    await eventually(() =>
      expect(late.desired?.lines).toMatchObject({ intent: { digest: homes.bundles[1].digest } }),
    );
  });

  it('takes the bundle back from its wave when too many refuse, by an order that names both', async () => {
    const homes = await Homes.of(controller, 'south', 3);
    const { id } = await homes.push({ waves: [{ count: 2 }], errors: { count: 1 }, retries: 0 });
    const [one, other] = (await homes.toldCount(2)) as [TestDevice, TestDevice];
    const [first, second] = homes.bundles;
    await report(one, running(second));
    await report(other, {
      ...running(first),
      step: 'refused',
      refused: { digest: second.digest, code: 'GOLDEN_MISMATCH', message: 'wrong', at: 1 },
    });
    await homes.toldCount(0);
    const rollback = { from: second.digest, to: first.digest };
    for (const device of [one, other])
      expect(device.desired?.lines).toMatchObject({ intent: { digest: first.digest, rollback } });
    expect(await homes.phase(id, 'rolling-back')).toMatchObject({
      course: { reason: { code: 'ROLLOUT_ERRORS' } },
    });
    await report(one, running(first));
    const end = await homes.phase(id, 'rolled-back');
    expect(end.status).toBe('stopped');
    await eventually(async () => {
      const { items } = await controller().call('timeline', { query: { kind: 'rollout-phase' } });
      const phases = items
        .filter(({ subject }) => subject === id)
        .map(({ detail }) => detail?.split(/[ ,:]/)[1]);
      expect(phases).toEqual(['rolled-back', 'rolling-back', 'running']);
    });
  });

  it('follows orders, refuses those that make no sense, and asks a device again that may retry', async () => {
    const homes = await Homes.of(controller, 'west', 2);
    const { id } = await homes.push({ waves: [{ count: 1 }], approval: true, retries: 1 });
    await homes.phase(id, 'approval');
    expect(homes.told()).toHaveLength(0);
    await expect(homes.order(id, 'resume')).rejects.toMatchObject({ code: 'ROLLOUT_ORDER_REFUSED' });
    await homes.order(id, 'approve');
    const [device] = (await homes.toldCount(1)) as [TestDevice];
    const refused = { digest: homes.bundles[1].digest, code: 'DISK_FULL', message: 'full', at: 5 } as const;
    await report(device, { ...running(homes.bundles[0]), step: 'refused', refused });
    await eventually(() => expect(device.desired?.lines).toMatchObject({ intent: { attempt: 2 } }), WAIT);
    await homes.order(id, 'pause');
    await report(device, running(homes.bundles[1]));
    await eventually(
      async () => expect((await homes.show(id)).course?.waves[0]).toMatchObject({ succeeded: 1 }),
      WAIT,
    );
    await homes.order(id, 'abort');
    expect(await homes.show(id)).toMatchObject({ status: 'stopped', course: { phase: 'aborted' } });
    expect(homes.told()).toEqual([device]);
  });
};

const sharing = (controller: GetController): void => {
  it('refuses a plan that nobody could follow', async () => {
    const homes = await Homes.of(controller, 'east', 1);
    const wrong = { code: 'ROLLOUT_PLAN_INVALID' };
    await expect(homes.push({ waves: [{ percent: 50 }, { percent: 10 }] })).rejects.toMatchObject(wrong);
    await expect(homes.push({ waves: [{ count: 1 }], timeZone: 'Mars/Base' })).rejects.toMatchObject(wrong);
  });

  it('has a watched wave compared with what it had, until its gate looks no more', async () => {
    const homes = await Homes.of(controller, 'fjord', 3);
    const [first, second] = homes.bundles;
    const { id } = await homes.push({ waves: [{ count: 1 }], gate: {} });
    const [device] = (await homes.toldCount(1)) as [TestDevice];
    expect(device.desired?.lines).toMatchObject({ intent: { comparedWith: first.digest } });
    await report(device, running(second));
    await homes.order(id, 'abort');
    await eventually(
      () => expect(device.desired?.lines['intent' as never]).not.toHaveProperty('comparedWith'),
      WAIT,
    );
    expect(device.desired?.lines).toMatchObject({ intent: { digest: second.digest } });
  });

  it('goes on after a restart of the controller, and gives way to a later one', async () => {
    const homes = await Homes.of(controller, 'isles', 3);
    const { id } = await homes.push({ waves: [{ count: 1 }] });
    await homes.toldCount(1);
    await controller().halt();
    await controller().run();
    const [device] = homes.told() as [TestDevice];
    for (const each of homes.devices) {
      await each.connect({ brokerUrl: controller().brokerUrl });
      await each.birth();
    }
    await report(device, running(homes.bundles[1]));
    await homes.toldCount(3);
    const later = await homes.push({ waves: [{ count: 1 }], approval: true });
    await homes.phase(id, 'superseded');
    expect(await homes.order(later.id, 'abort')).toMatchObject({ course: { phase: 'aborted' } });
  });
};

onEachDatabase('rollouts in waves', [waves, sharing]);
