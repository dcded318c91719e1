// Starting and ending a controller: what is in its way is named, and nothing of a failed start stays.
import { stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { FleetId } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { type RunningController, startController } from './controller.ts';
import { systemClock } from './ports/clock.ts';
import { jsonLog } from './ports/log.ts';
import { systemRandom } from './ports/random.ts';
import type { Settings } from './ports/settings.ts';
import { type GetController, onEachDatabase } from './testing/each-database.ts';

const ports = {
  clock: systemClock,
  random: systemRandom,
  log: jsonLog(
    () => 0,
    () => undefined,
  ),
};

const start = (settings: Settings): Promise<RunningController> => startController(settings, ports);

const starts = (controller: GetController): void => {
  it('writes the first admin token for its owner only, and no second one at the next start', async () => {
    const before = controller().adminToken;
    expect(before).toMatch(/^nfo_/);
    expect((await stat(controller().settings.adminTokenFile)).mode & 0o777).toBe(0o600);
    expect((await stat(join(controller().settings.directory, 'controller.key.pem'))).mode & 0o777).toBe(
      0o600,
    );
    const keyId = controller().keyId;
    await controller().halt();
    await controller().run();
    expect([controller().adminToken, controller().keyId]).toEqual([before, keyId]);
    expect((await controller().call('whoami')).controllerKeyId).toBe(keyId);
  });

  it('refuses a directory that is in use', async () => {
    await expect(start(controller().settings)).rejects.toMatchObject({ code: 'STATE_IN_USE' });
    expect((await controller().call('ready')).ready).toBe(true);
  });

  it('refuses a port that is taken, for either listener, and leaves nothing behind', async () => {
    const { settings } = controller();
    await controller().halt();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await expect(start({ ...settings, httpPort: port })).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    await expect(start({ ...settings, mqttPort: port })).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    server.close();
    await controller().run();
    expect((await controller().call('ready')).ready).toBe(true);
  });

  it('refuses the state of another fleet', async () => {
    const { settings } = controller();
    await controller().halt();
    const other = start({ ...settings, fleet: 'other' as FleetId });
    await expect(other).rejects.toMatchObject({ code: 'SETTING_INVALID' });
    await controller().run();
  });
};

const damage = (controller: GetController): void => {
  it('names a database that cannot be opened, and what to do', async () => {
    const { settings } = controller();
    await controller().halt();
    const refusal = { code: settings.databaseUrl === null ? 'STATE_CORRUPT' : 'DATABASE_UNAVAILABLE' };
    if (settings.databaseUrl === null)
      await writeFile(join(settings.directory, 'db', 'PG_VERSION'), 'nonsense');
    const broken =
      settings.databaseUrl === null ? settings : { ...settings, databaseUrl: 'postgres://127.0.0.1:1/x' };
    await expect(start(broken)).rejects.toMatchObject(refusal);
  });
};

onEachDatabase('a controller', [starts, damage]);
