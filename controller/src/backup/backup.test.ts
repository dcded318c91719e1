// Backups of real controllers on either database: made while they serve, opened only by whom they are for, refused when a
// byte is wrong, restored whole or not at all, and moved between databases with every row the same.
import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@nanofleet/runtime/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../ports/clock.ts';
import { systemRandom } from '../ports/random.ts';
import { databaseKinds } from '../testing/databases.ts';
import { publishBundle } from '../testing/test-bundle.ts';
import { TestController } from '../testing/test-controller.ts';
import { decisionMade } from '../testing/test-device.ts';
import { operate } from './operate.ts';
import type { Task } from './operate-command.ts';

/** A first start of the embedded database on a busy machine. */
const PATIENCE_MS = 240_000;
const ports = { clock: systemClock, random: systemRandom };
const secret = { passphrase: 'correct horse battery' };
let scratch = '';

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'nanofleet-backup-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const run = (controller: TestController, task: Task) => operate({ task, wanted: controller.settings }, ports);
const create = (controller: TestController, name: string) =>
  run(controller, { kind: 'create', file: join(scratch, name), locks: [secret], given: {} });
const restoring = (name: string, given: Partial<Extract<Task, { kind: 'restore' }>> = {}): Task => ({
  ...{ kind: 'restore', file: join(scratch, name), opener: secret, revoked: [], replaces: true },
  ...given,
});

/** What an operator sees of a fleet. */
const seen = async (controller: TestController) => ({
  devices: (await controller.call('devices')).items.map(({ device, group }) => ({ device, group })),
  models: (await controller.call('models')).items.map(({ digest }) => digest),
  events: (await controller.call('events')).items.map(({ event, sequence }) => ({ event, sequence })),
  key: (await controller.call('whoami')).controllerKeyId,
});

describe.each(databaseKinds())('a backup (%s)', (kind) => {
  let controller: TestController;
  beforeAll(async () => {
    controller = await TestController.start(kind);
    await publishBundle(controller);
    const device = await controller.device('kitchen');
    await device.connect();
    for (let sequence = 0; sequence < 25; sequence += 1) {
      await device.send('event', decisionMade(), { record: { epoch: 'abcdefabcdefabcd', sequence } });
    }
    await eventually(() => expect(device.acknowledged('abcdefabcdefabcd').size).toBe(25));
  }, PATIENCE_MS);
  afterAll(() => controller.close());

  it('is made while the controller serves, and is whole', async () => {
    const { facts } = await create(controller, `${kind}.backup`);
    expect(facts).toMatchObject({ fleet: 'home', devices: 1 });
    expect(facts['blobs']).toBeGreaterThan(1);
    const verified = await run(controller, {
      kind: 'verify',
      file: join(scratch, `${kind}.backup`),
      opener: secret,
    });
    expect(verified.facts).toEqual(facts);
    expect((await controller.call('ready')).ready).toBe(true);
  });

  it('never overwrites a file, and leaves none when it fails', async () => {
    await expect(create(controller, `${kind}.backup`)).rejects.toMatchObject({ code: 'BACKUP_EXISTS' });
    await writeFile(join(scratch, `${kind}-killed.backup.0123456789abcdef.part`), 'left by a kill');
    await create(controller, `${kind}-killed.backup`);
    expect((await readdir(scratch)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('holds no word of the fleet in the open', async () => {
    const bytes = await readFile(join(scratch, `${kind}.backup`));
    for (const word of ['kitchen', 'PRIVATE KEY', 'home', 'events']) expect(bytes.includes(word)).toBe(false);
  });

  it('is not restored over a fleet unless told so, nor beside its controller', async () => {
    await expect(run(controller, restoring(`${kind}.backup`))).rejects.toMatchObject({
      code: 'STATE_IN_USE',
    });
    await controller.halt();
    const over = run(controller, restoring(`${kind}.backup`, { replaces: false }));
    await expect(over).rejects.toMatchObject({ code: 'STATE_NOT_EMPTY' });
    await controller.run();
  });

  it('brings everything back, and nothing that came later', async () => {
    const before = await seen(controller);
    await controller.device('later');
    await controller.halt();
    const { facts } = await run(controller, restoring(`${kind}.backup`));
    expect(facts['devices']).toBe(1);
    await controller.run();
    expect(await seen(controller)).toEqual(before);
    const [digest = ''] = before.models;
    expect((await controller.call('model', { params: { digest } })).digest).toBe(digest);
    const device = await controller.device('after', {});
    expect(device.name).toBe('after');
  });

  it('brings no fleet token and no revoked device back', async () => {
    const token = await controller.fleetToken();
    await create(controller, `${kind}-2.backup`);
    await controller.halt();
    await run(controller, restoring(`${kind}-2.backup`, { revoked: ['kitchen', 'unheard'] as never }));
    await controller.run();
    await expect(controller.device('thief', { token })).rejects.toMatchObject({
      code: 'FLEET_TOKEN_UNKNOWN',
    });
    const { items } = await controller.call('devices');
    const revoked = items.filter(({ status }) => status === 'revoked').map(({ device }) => device);
    expect(revoked.sort()).toEqual(['kitchen', 'unheard']);
  });

  it.each([
    ['a changed byte', (file: string) => flip(file, 3_000)],
    ['a changed end', (file: string) => flip(file, -5)],
    ['a missing end', async (file: string) => truncate(file, (await readFile(file)).length - 40)],
    ['something behind its end', (file: string) => appendFile(file, 'more')],
  ])('with %s changes nothing', async (_title, damage) => {
    const before = await seen(controller);
    const file = `${kind}-damaged.backup`;
    await writeFile(join(scratch, file), await readFile(join(scratch, `${kind}.backup`)));
    await damage(join(scratch, file));
    await controller.halt();
    await expect(run(controller, restoring(file))).rejects.toMatchObject({ code: 'BACKUP_INVALID' });
    await controller.run();
    expect(await seen(controller)).toEqual(before);
  });

  it('opens with its passphrase only', async () => {
    const opener = { passphrase: 'another passphrase' };
    const other = run(controller, { kind: 'verify', file: join(scratch, `${kind}.backup`), opener });
    await expect(other).rejects.toMatchObject({ code: 'BACKUP_LOCKED' });
  });
});

const flip = async (file: string, at: number): Promise<void> => {
  const bytes = await readFile(file);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  await writeFile(file, bytes);
};
