// A rollout in waves whose gate has something to show: two devices, of which one got the bundle and compares it with what it
// had. All of it comes over the real ways.
import { publishBundle, type TestController, type TestDevice } from '@nanofleet/controller/testing';
import type { BodyOf, LineFigures, Uuid } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { beatOf } from './populated-fleet.ts';

const GROUP = 'barn';

const figures = (decisions: number): LineFigures => ({
  ...{ decisions, unsure: 4, outOfScope: 2, offloaded: 6, compared: 5, agreed: 4, errors: 0 },
  micros: { p50: 120, p95: 310, p99: 900 },
  scores: [0, 0, 0, 0, 1, 1, 2, 4, 12, decisions - 20],
  pairs: { inputs: 80, judged: 80, newRight: 4, oldRight: 2 },
});

const runs = async (device: TestDevice, { digest, version }: { digest: string; version: string }) => {
  const running = { version, releaseCounter: version === '1.0.0' ? 1 : 3, digest };
  const lines = { intent: { running, step: 'settled' } } as BodyOf<'reported'>['lines'];
  await device.send('reported', { ...device.mark, desiredVersion: 1, lines, problems: [] });
  const beat = beatOf(device, 100);
  await device.send('beat', {
    ...beat,
    lines: { intent: { ...running, figures: figures(100) } } as typeof beat.lines,
  });
};

/** Makes it; the rollout of a bundle that comes after `old`. */
export const stagedRollout = async (controller: TestController, old: string): Promise<Uuid> => {
  const target = { group: GROUP };
  await controller.call('makeRollout', { body: { digest: old, target } });
  const devices = await Promise.all(
    ['barn-1', 'barn-2'].map((name) => controller.device(name, { group: GROUP })),
  );
  for (const device of devices) {
    await device.connect({ brokerUrl: controller.brokerUrl });
    await device.birth();
    await runs(device, { digest: old, version: '1.0.0' });
  }
  await eventually(async () => {
    const { items } = await controller.call('rollouts');
    const [first] = items.filter((each) => 'group' in each.target && each.target.group === GROUP);
    if (first?.counts.running !== devices.length) throw new TypeError('the reports are not stored yet');
  });
  const { digest } = await publishBundle(controller, { version: '1.2.0', releaseCounter: 3, parent: old });
  const plan = { waves: [{ count: 1 }], gate: {} } as never;
  const { id } = await controller.call('makeRollout', { body: { digest, target, plan } });
  const [first] = devices;
  await eventually(() => {
    if (JSON.stringify(first?.desired?.lines).includes(digest)) return;
    throw new TypeError('the first wave has not begun yet');
  });
  if (first !== undefined) await runs(first, { digest, version: '1.2.0' });
  await eventually(
    async () => {
      controller.advance(10_000);
      const { course } = await controller.call('rollout', { params: { id } });
      if ((course?.gate?.points.length ?? 0) < 2) throw new TypeError('the gate has not looked twice yet');
    },
    { withinMs: 30_000 },
  );
  return id;
};
