// What was: the timeline of a device's life, beats in two grains, figures of the fleet that count each decision once.
import { BEAT_INTERVAL_MS, BEATS_FINE_MAX, type BodyOf, FIGURES_STEP_MS } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import type { TestDevice } from '../testing/test-device.ts';

const none = { records: 0, dropped: 0, expired: 0 };
const empty = { offload: none, event: none, decision: none };

const beatOf = (device: TestDevice, total: number, more: Partial<BodyOf<'beat'>> = {}): BodyOf<'beat'> => ({
  session: device.session,
  instance: device.instance,
  uptimeS: 1,
  cpuShare: 0.01,
  rssBytes: 70_000_000,
  decisions: { total, sure: total, unsure: 0, outOfScope: 0 },
  decisionMicros: { p50: 100, p95: 200, p99: 300 },
  offloadShare: 0.1,
  outbox: { ...empty, event: { records: 2, dropped: 1, expired: 0 } },
  lines: {},
  problems: [],
  ...more,
});

const beats = async (controller: GetController, device: TestDevice, body: BodyOf<'beat'>): Promise<void> => {
  await device.send('beat', body);
  await eventually(async () => {
    const { beat } = await controller().call('device', { params: { device: device.name } });
    expect(beat?.decisions.total).toBe(body.decisions?.total);
  });
};

const kinds = async (controller: GetController, device: string): Promise<string[]> =>
  (await controller().call('timeline', { query: { device } })).items.map(({ kind }) => kind);

const leanBeats = (controller: GetController): void => {
  it('completes a beat that leaves out what has not changed', async () => {
    const device = await controller().device('thrifty');
    await device.connect();
    await device.birth();
    await beats(controller, device, beatOf(device, 4, { offloadShare: 0.5 }));
    const { instance, session } = device;
    await device.send('beat', { instance, session, uptimeS: 900 });
    await eventually(async () => {
      const { beat: newest } = await controller().call('device', { params: { device: 'thrifty' } });
      expect(newest?.uptimeS).toBe(900);
      expect([newest?.decisions.total, newest?.offloadShare]).toEqual([4, 0.5]);
    });
  });
};

const timeline = (controller: GetController): void => {
  it('tells the life of a device, newest first', async () => {
    const device = await controller().device('life');
    await device.connect();
    await device.birth();
    await eventually(async () => expect(await kinds(controller, 'life')).toContain('device-online'));
    await device.close('lost');
    await eventually(async () => expect(await kinds(controller, 'life')).toContain('device-offline'));
    await controller().call('moveDevice', { params: { device: 'life' }, body: { group: 'attic' } });
    await controller().call('revokeDevice', { params: { device: 'life' } });
    await controller().call('revokeDevice', { params: { device: 'life' } });
    await eventually(async () =>
      expect(await kinds(controller, 'life')).toEqual([
        'device-revoked',
        'device-moved',
        'device-offline',
        'device-online',
        'device-enrolled',
      ]),
    );
  });

  it('is read page by page', async () => {
    const { items } = await controller().call('timeline', { query: { limit: 2 } });
    const before = items.at(-1)?.position ?? 0;
    const older = await controller().call('timeline', { query: { limit: 2, before } });
    expect(older.items.every(({ position }) => position < before)).toBe(true);
    expect(older.items.length).toBeGreaterThan(0);
  });

  it('notes a bundle that a device refused, with the code', async () => {
    const device = await controller().device('picky');
    await device.connect();
    const refused = { digest: 'b'.repeat(64), code: 'SIGNATURE_WRONG', message: 'the manifest', at: 1 };
    const lines = { intent: { running: null, step: 'refused', refused } };
    const body = {
      session: device.session,
      instance: device.instance,
      desiredVersion: 1,
      lines,
      problems: [],
    };
    await device.birth();
    await device.send('reported', body);
    await eventually(async () => {
      const query = { device: 'picky', kind: 'bundle-refused' as const };
      const { items } = await controller().call('timeline', { query });
      expect(items[0]).toMatchObject({ code: 'SIGNATURE_WRONG', line: 'intent', digest: refused.digest });
    });
  });
};

const figures = (controller: GetController): void => {
  it('counts what each beat adds, also over a restart of the agent', async () => {
    const first = await controller().device('counts');
    await first.connect();
    await beats(controller, first, beatOf(first, 100));
    await beats(controller, first, beatOf(first, 160));
    const restarted = { instance: 'a'.repeat(16) };
    await beats(controller, first, beatOf(first, 10, restarted));
    controller().advance(FIGURES_STEP_MS);
    const { points, stepMs } = await controller().call('figures', { query: { spanS: 60, points: 6 } });
    expect(stepMs).toBe(FIGURES_STEP_MS);
    expect(points.reduce((sum, { decisions }) => sum + decisions, 0)).toBe(170);
    expect(points.reduce((sum, { offered }) => sum + offered, 0)).toBe(17);
    expect(points.find(({ decisions }) => decisions > 0)).toMatchObject({ p50: 100, p95: 200, p99: 300 });
  });

  it('keeps beats of a device in a ring', async () => {
    const device = await controller().device('ring');
    await device.connect();
    for (let count = 1; count <= 4; count += 1) {
      await beats(controller, device, beatOf(device, count));
      controller().advance(BEATS_FINE_MAX * BEAT_INTERVAL_MS);
    }
    const fine = await controller().call('beats', { params: { device: 'ring' } });
    // Each came a whole ring after the one before, and took its place or the next.
    expect(fine.items.length).toBeLessThan(4);
    expect(fine.items.at(-1)).toMatchObject({ decisions: 4 });
    expect(fine.items[0]).toMatchObject({ waiting: 2, dropped: 1, rssBytes: 70_000_000, p99: 300 });
    const coarse = await controller().call('beats', {
      params: { device: 'ring' },
      query: { grain: 'coarse' },
    });
    expect(coarse.items.length).toBeGreaterThanOrEqual(2);
  });
};

onEachDatabase('history of the fleet', [timeline, figures, leanBeats]);
