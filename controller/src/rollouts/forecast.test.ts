// A forecast through the operator's API: whose links are known from what they reported, which bytes a device would fetch, and
// that asking changes nothing.
import type { LineReport } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { publishBundle, type TestBundle } from '../testing/test-bundle.ts';

const running = ({ digest, manifest }: TestBundle): LineReport => ({
  running: { version: manifest.version, releaseCounter: manifest.releaseCounter, digest },
  step: 'settled',
  installed: { digest, bytes: 200_000, fetchMs: 1_000, settleMs: 12_000 },
});

const forecasts = (controller: GetController): void => {
  it('goes by what devices reported of their links, and by the bytes that they would fetch', async () => {
    const first = await publishBundle(controller(), { version: 'sky-1', releaseCounter: 1 });
    const second = await publishBundle(controller(), { version: 'sky-2', releaseCounter: 2 });
    for (const name of ['sky-0', 'sky-1']) {
      const device = await controller().device(name, { group: 'sky' });
      await device.connect();
      await device.birth();
      const lines = { intent: running(first) } as never;
      await device.send('reported', { ...device.mark, desiredVersion: 0, lines, problems: [] });
    }
    const ask = (plan?: object) =>
      controller().call('forecastRollout', {
        body: { digest: second.digest, target: { group: 'sky' }, ...(plan && { plan: plan as never }) },
      });
    await eventually(async () => expect((await ask()).devices).toMatchObject({ total: 2, withRate: 2 }));
    const found = await ask({ waves: [{ count: 1, holdS: 600 }] });
    expect(found.waves.map(({ quota }) => quota)).toEqual([1, 2]);
    expect(found.devices).toEqual({ total: 2, withPresence: 0, withRate: 2, notReached: 0 });
    expect(found.bytes.total).toBeGreaterThan(0);
    expect(found.bytes.total).toBeLessThanOrEqual(found.bytes.whole);
    // Twice twelve seconds and little more, and the hold between.
    expect(found.throughS).toBeGreaterThanOrEqual(624);
    expect(found.throughS).toBeLessThanOrEqual(640);
    expect(
      (await controller().call('rollouts')).items.filter(({ digest }) => digest === second.digest),
    ).toEqual([]);
  });

  it('assumes what nobody has reported, says so, and refuses plans that nobody could follow', async () => {
    const bundle = await publishBundle(controller(), { version: 'sea-1', releaseCounter: 1, line: 'sea' });
    const target = { group: 'nobody' };
    const found = await controller().call('forecastRollout', { body: { digest: bundle.digest, target } });
    expect(found).toMatchObject({ devices: { total: 0 }, bytes: { total: 0 }, throughS: null });
    expect(found.notes.join(' ')).toContain('No transfer of the line is recorded');
    const plan = { waves: [{ count: 1 }], timeZone: 'Mars/Base' } as never;
    await expect(
      controller().call('forecastRollout', { body: { digest: bundle.digest, target, plan } }),
    ).rejects.toMatchObject({ code: 'ROLLOUT_PLAN_INVALID' });
  });
};

onEachDatabase('forecasts of rollouts', [forecasts]);
