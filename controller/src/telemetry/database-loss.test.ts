// PostgreSQL goes away under a running controller and comes back: nothing is acknowledged meanwhile, nothing is lost.
import { eventually } from '@nanofleet/runtime/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../db/open-database.ts';
import { DatabaseLine } from '../testing/database-line.ts';
import { databaseKinds } from '../testing/databases.ts';
import { TestController } from '../testing/test-controller.ts';
import { decisionMade } from '../testing/test-device.ts';

const EPOCH = '0123456789abcdef';

describe.runIf(databaseKinds().includes('postgres'))('a lost PostgreSQL', () => {
  let controller: TestController;
  let line: DatabaseLine;
  beforeAll(async () => {
    controller = await TestController.start('postgres', {
      open: async (wanted, unique) => {
        const laid = await DatabaseLine.to(wanted.databaseUrl ?? '');
        line = laid.line;
        return openDatabase({ ...wanted, databaseUrl: laid.url }, unique);
      },
    });
  });
  afterAll(async () => {
    await controller.close();
    line.close();
  });

  it('holds back acknowledgements, presence and logins until it is back, and loses none of them', async () => {
    const device = await controller.device('steady');
    const late = await controller.device('late');
    await device.connect();
    line.isCut = true;
    await device.birth();
    for (let sequence = 0; sequence < 30; sequence += 1) {
      await device.send('event', decisionMade(), { record: { epoch: EPOCH, sequence } });
    }
    await eventually(() =>
      expect(controller.logged.some((text) => text.includes('records wait for the database'))).toBe(true),
    );
    await expect(late.connect()).rejects.toThrow('Server unavailable');
    await expect(controller.call('devices')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(device.acknowledged(EPOCH).size).toBe(0);
    line.isCut = false;
    await eventually(() => expect(device.acknowledged(EPOCH).size).toBe(30));
    await eventually(async () =>
      expect((await controller.call('device', { params: { device: device.name } })).status).toBe('online'),
    );
    expect((await controller.call('events', { query: { limit: 500 } })).items).toHaveLength(30);
    await late.connect();
  });
});
