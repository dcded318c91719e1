// A fleet moves from the embedded database to PostgreSQL and back: every row and blob the same, and devices go on.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startController } from '../controller.ts';
import { systemClock } from '../ports/clock.ts';
import { jsonLog } from '../ports/log.ts';
import { systemRandom } from '../ports/random.ts';
import { databaseKinds, makeTestDatabase, type TestDatabase } from '../testing/databases.ts';
import { publishBundle } from '../testing/test-bundle.ts';
import { TestController } from '../testing/test-controller.ts';
import { moveDatabase } from './move-database.ts';

/** A first start of the embedded database on a busy machine. */
const PATIENCE_MS = 240_000;
const quiet = jsonLog(
  () => 0,
  () => undefined,
);
const hasPostgres = databaseKinds().includes('postgres');

describe.runIf(hasPostgres)('moving a fleet', () => {
  let controller: TestController;
  let elsewhere: TestDatabase;
  beforeAll(async () => {
    controller = await TestController.start('embedded');
    elsewhere = await makeTestDatabase('postgres');
    await publishBundle(controller);
    await controller.device('kitchen');
    await controller.halt();
  }, PATIENCE_MS);
  afterAll(async () => {
    await controller.close();
    await elsewhere.drop();
  });

  const sides = () => {
    const { cacheDirectory, databaseSchema, databaseUrl, directory } = controller.settings;
    const embedded = { directory, databaseUrl, databaseSchema, cacheDirectory };
    const { databaseSchema: schema, databaseUrl: url } = elsewhere.settings;
    return { embedded, postgres: { ...embedded, databaseUrl: url, databaseSchema: schema } };
  };

  it('puts every row and blob into PostgreSQL, where a controller serves them', async () => {
    const { embedded, postgres } = sides();
    const moved = await moveDatabase({ from: embedded, to: postgres, random: systemRandom });
    expect(moved.rows).toBeGreaterThan(10);
    expect(moved.blobs).toBeGreaterThan(1);
    // Without the copies on its disk, it has them from the database.
    await rm(join(embedded.directory, 'blobs'), { recursive: true });
    const settings = { ...controller.settings, ...postgres };
    const running = await startController(settings, { clock: systemClock, random: systemRandom, log: quiet });
    const response = await fetch(`http://127.0.0.1:${running.httpPort}/api/devices`, {
      headers: { authorization: `Bearer ${controller.adminToken}` },
    });
    expect(await response.json()).toMatchObject({ items: [{ device: 'kitchen' }] });
    await running.stop();
  });

  it('refuses a database that has tables, in either direction', async () => {
    const { embedded, postgres } = sides();
    for (const [from, to] of [
      [embedded, postgres],
      [postgres, embedded],
    ] as const) {
      const again = moveDatabase({ from, to, random: systemRandom });
      await expect(again).rejects.toMatchObject({ code: 'STATE_NOT_EMPTY' });
    }
  });

  it('brings everything back into an embedded one', async () => {
    const { embedded, postgres } = sides();
    await rm(join(embedded.directory, 'db'), { recursive: true });
    const moved = await moveDatabase({ from: postgres, to: embedded, random: systemRandom });
    expect(moved.blobs).toBeGreaterThan(1);
    await controller.run();
    const [model] = (await controller.call('models')).items;
    expect((await controller.call('model', { params: { digest: model?.digest ?? '' } })).digest).toBe(
      model?.digest,
    );
    expect((await controller.call('devices')).items).toMatchObject([{ device: 'kitchen' }]);
    await publishBundle(controller, { releaseCounter: 99 });
  });
});
