// The whole story on PostgreSQL and mosquitto instead of the embedded engines.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  hasMosquitto,
  Mosquitto,
  makeScratchDatabase,
  type ScratchDatabase,
  scratchServer,
} from '@nanofleet/controller/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Starter } from '../soak/parts/starter.ts';

const STORY_MS = 600_000;

describe.runIf(scratchServer() !== null && hasMosquitto())('start on PostgreSQL and mosquitto', () => {
  let directory: string;
  let database: ScratchDatabase;
  let broker: Mosquitto;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nf-engines-'));
    database = await makeScratchDatabase();
    broker = await Mosquitto.start();
  });
  afterAll(async () => {
    await broker.close();
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  });

  it(
    'plays the story from scratch, every step of it seen',
    async () => {
      const environment = { ...broker.environment, DATABASE_URL: database.url };
      const starter = new Starter({ directory, args: ['--once'], environment });
      const { code, result, stderr } = await starter.ended;
      expect(result?.steps.filter(({ ok }) => !ok)).toEqual([]);
      expect({ code, ok: result?.ok, stderr }).toEqual({ code: 0, ok: true, stderr: '' });
      const [{ events } = { events: 0 }] = await database.query<{ events: string | number }>(
        'select count(*) as events from events',
      );
      expect(Number(events)).toBeGreaterThan(100);
      const { clients, roles } = await broker.rights();
      expect(clients.map(({ username }) => username)).toContain('home.pump-1');
      expect(roles.map(({ rolename }) => rolename)).toContain('device:home:pump-1');
    },
    STORY_MS,
  );
});
