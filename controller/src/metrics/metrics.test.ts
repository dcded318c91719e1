// Probes and figures: who may read them, what they say of a controller that works, drains or has no database, and that
// nothing that devices or strangers send becomes a label.
import { eventually } from '@nanofleet/runtime/testing';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowsOf } from '../db/database.ts';
import { openDatabase } from '../db/open-database.ts';
import { type GetController, onEachEngine } from '../testing/each-database.ts';
import { type EngineKind, TestController } from '../testing/test-controller.ts';

const SCRAPE_TOKEN = 'scrape-'.padEnd(40, 'x');

const scrape = (controller: TestController, token: string | null): Promise<Response> =>
  fetch(`${controller.url}/metrics`, token === null ? {} : { headers: { authorization: `Bearer ${token}` } });

/** Series by name and labels. */
const seriesOf = async (controller: TestController): Promise<Map<string, number>> => {
  const text = await (await scrape(controller, controller.adminToken)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
};

const figures = (controller: GetController): void => {
  it('tells no stranger anything', async () => {
    for (const token of [null, 'nfo_unknown', SCRAPE_TOKEN]) {
      expect((await scrape(controller(), token)).status).toBe(401);
    }
  });

  it('tells an operator who may read, in the format of Prometheus', async () => {
    const response = await scrape(controller(), await controller().token('viewer'));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await response.text()).toContain('# TYPE nanofleet_fleet_devices gauge');
  });

  it('counts devices by state and what they send', async () => {
    const device = await controller().device('kitchen-secret');
    await device.connect();
    await device.birth();
    await eventually(async () =>
      expect((await seriesOf(controller())).get('nanofleet_fleet_devices{state="online"}')).toBe(1),
    );
    const series = await seriesOf(controller());
    expect(series.get('nanofleet_link_messages_total')).toBeGreaterThan(0);
    expect(series.get('nanofleet_part_up{part="broker"}')).toBe(1);
    expect(series.get('nanofleet_ready')).toBe(1);
    expect(series.get('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
  });

  it('takes no label from devices or from paths that strangers ask for', async () => {
    for (let place = 0; place < 20; place += 1)
      await fetch(`${controller().url}/nowhere-${place}?a=${place}`);
    await controller().call('device', { params: { device: 'kitchen-secret' } });
    const names = [...(await seriesOf(controller())).keys()];
    expect(names.filter((name) => name.includes('kitchen') || name.includes('nowhere'))).toEqual([]);
    expect(names.some((name) => name.includes('route="none"'))).toBe(true);
    expect(names.some((name) => name.includes('route="/api/devices/:device"'))).toBe(true);
  });
};

describe('a token for scraping', () => {
  let controller: TestController;
  beforeAll(async () => {
    controller = await TestController.start('embedded', {}, { scrapeToken: SCRAPE_TOKEN });
  });
  afterAll(() => controller.close());

  it('opens the figures and nothing else', async () => {
    expect((await scrape(controller, SCRAPE_TOKEN)).status).toBe(200);
    await expect(controller.callAs(SCRAPE_TOKEN, 'fleet')).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });
});

const probes = (controller: GetController, kind: EngineKind): void => {
  it('answers alive and ready while everything works', async () => {
    const [alive, ready] = await Promise.all(
      ['livez', 'readyz'].map((path) => fetch(`${controller().url}/${path}`)),
    );
    expect([alive?.status, ready?.status]).toEqual([200, 200]);
  });

  // Nobody but its controller can open the embedded database.
  it.each([kind].filter((one) => one !== 'embedded'))(
    'is not ready on a schema that lacks a migration',
    async () => {
      const { settings } = controller();
      const open = await openDatabase(settings, 'probe');
      const [row] = await rowsOf<{ hash: string }>(open.database, sql`select hash from migrations limit 1`);
      await open.database.execute(sql`delete from migrations where hash = ${row?.hash}`);
      expect(await controller().call('ready')).toMatchObject({ ready: false, parts: { migrations: false } });
      await open.database.execute(sql`insert into migrations (hash) values (${row?.hash})`);
      await open.close();
      expect((await controller().call('ready')).ready).toBe(true);
    },
  );

  it('is not ready once it drains, and serves on', async () => {
    controller().drain();
    const ready = await fetch(`${controller().url}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { parts: { serving: false } }]);
    expect((await fetch(`${controller().url}/livez`)).status).toBe(200);
    expect((await controller().call('fleet')).devices.total).toBe(1);
  });
};

onEachEngine('figures and probes', [figures, probes]);
