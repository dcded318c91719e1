import { join } from 'node:path';
import type { OpenDatabase } from '@nanofleet/controller';
import type { Decision } from '@nanofleet/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { mustEnrol, startAgentHere, type TestAgent, untilConnected } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { makeFaulty } from './parts/faulty-client.ts';
import { keepStandardError } from './parts/quiet.ts';
import { openRelay } from './parts/relay.ts';
import { containing } from './parts/words.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000 });

const QUESTION = 'what is on my calendar for tomorrow';
const STRANGE = 'please water the begonias under the drawbridge';
/** How long things may take once the database is back. */
const PATIENCE_MS = 25_000;
const DEVICE = 'home-1';
const ROUND = 20;
/** Strange sentences; each is a decision and a question. */
const QUESTIONS = ROUND;
/** Seconds for which the database is down in the campaign `pnpm soak database-down`; here as short as it can be seen. */
const OUTAGE_S = Number(process.env['NANOFLEET_OUTAGE_S'] ?? 0);
const postgres = process.env['NANOFLEET_TEST_DATABASE_URL'] || undefined;

interface Cut {
  /** Nothing reaches the database. */
  stop(): void;
  start(): void;
}

/** A controller on the embedded database, whose driver can be told to fail. */
const onEmbedded = async (): Promise<{ controller: TestController; database: Cut }> => {
  const opened: OpenDatabase[] = [];
  const controller = await startTestController({ opened: (open) => void opened.push(open) });
  const [open] = opened;
  if (open === undefined) throw new TypeError('the database was not opened');
  return { controller, database: makeFaulty(open) };
};

/** A controller on PostgreSQL behind a relay that can be cut. */
const onPostgres = async (): Promise<{ controller: TestController; database: Cut }> => {
  const relay = await openRelay();
  const url = new URL(postgres ?? '');
  relay.aimAt({ host: url.hostname, port: Number(url.port || 5_432) });
  url.host = `127.0.0.1:${relay.port}`;
  const databaseSchema = `faults_${process.pid}`;
  const controller = await startTestController({ settings: { databaseUrl: url.href, databaseSchema } });
  afterAll(() => controller.database.execute(`drop schema ${databaseSchema} cascade`).then(() => undefined));
  return { controller, database: { stop: relay.cut, start: relay.mend } };
};

const DATABASES = [
  { name: 'the embedded database', open: onEmbedded, isThere: true },
  { name: 'PostgreSQL', open: onPostgres, isThere: postgres !== undefined },
];

describe.each(DATABASES)('while $name is down', ({ open, isThere }) => {
  const scratch = scratchDirectory();
  const bundles = join(scratch, 'bundles');
  const asked: Decision[] = [];
  let controller: TestController;
  let database: Cut;
  let agent: TestAgent;

  beforeAll(async () => {
    if (!isThere) return;
    keepStandardError();
    ({ controller, database } = await open());
    signedBundle({ from: 'household-1', to: join(bundles, 'household-1'), key: controller.publisher });
    const mini = signedBundle({
      from: 'household-mini',
      to: join(scratch, 'household-mini'),
      key: controller.publisher,
    });
    await controller.push(mini);
    await controller.call('makeRollout', { body: { digest: mini.digest, target: { controller: true } } });
    const directory = join(scratch, DEVICE);
    await mustEnrol({ directory, token: await controller.fleetToken(), name: DEVICE });
    agent = await startAgentHere(directory, '--bundles', bundles);
    await untilConnected(agent);
  });

  const askRound = async (text = QUESTION): Promise<void> => {
    for (let count = 0; count < ROUND; count += 1) asked.push(await agent.ask(text));
  };

  const everythingIsStoredOnce = async (): Promise<boolean> => {
    await expect.poll(async () => (await agent.status()).waiting).toBe(0);
    const ids = asked.map(({ id }) => id).toSorted();
    expect((await controller.decisions()).toSorted()).toEqual(ids);
    return (await controller.call('fleet')).decisions === ids.length;
  };

  it.runIf(isThere)('everything before was stored once', async () => {
    await askRound();
    expect(await everythingIsStoredOnce()).toBe(true);
  });

  it.runIf(isThere)('the agent answers on, and nothing is acknowledged', async () => {
    const { delivered } = await agent.status();
    database.stop();
    await askRound();
    await askRound(STRANGE);
    await expect.poll(() => controller.log()).toContain('records wait for the database');
    const status = await agent.status();
    expect(status.link).toBe('connected');
    expect(status.delivered).toBe(delivered);
    // Each strange sentence is a decision and a question.
    expect(status.waiting).toBe(3 * ROUND);
  });

  it.runIf(isThere)(
    'so it stays for as long as the outage lasts, also when the agent sends everything again',
    async () => {
      const { delivered } = await agent.status();
      const endsAt = process.uptime() + OUTAGE_S;
      const isOver = async (): Promise<boolean> => {
        asked.push(await agent.ask(QUESTION));
        const status = await agent.status();
        expect(status.delivered).toBe(delivered);
        expect(status.waiting).toBe(asked.length + QUESTIONS - delivered);
        return process.uptime() >= endsAt;
      };
      await expect.poll(isOver, { timeout: OUTAGE_S * 1_000 + PATIENCE_MS, interval: 500 }).toBe(true);
    },
    OUTAGE_S * 1_000 + 2 * PATIENCE_MS,
  );

  it.runIf(isThere)('the operator API says so, with a code that can be tried again', async () => {
    expect(await controller.call('health')).toEqual({ ok: true });
    await expect(controller.call('devices')).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: containing('try again'),
    });
    const ready = await controller.call('ready').catch((thrown: unknown) => thrown);
    expect(ready).toMatchObject({ ready: false, parts: { database: false, broker: true } });
  });

  it.runIf(isThere)(
    'an agent that starts is not let in, answers all the same, and keeps its records',
    async () => {
      await agent.stop();
      agent = await startAgentHere(agent.directory, '--bundles', bundles);
      await askRound();
      expect((await agent.status()).link).not.toBe('connected');
      expect((await agent.status()).waiting).toBe(asked.length - ROUND + QUESTIONS);
    },
  );

  it.runIf(isThere)('nothing is lost and nothing is doubled: all is there once it is back', async () => {
    database.start();
    await untilConnected(agent);
    expect(await everythingIsStoredOnce()).toBe(true);
    await expect
      .poll(async () => (await controller.call('device', { params: { device: DEVICE } })).status)
      .toBe('online');
  });

  it.runIf(isThere)('questions that were asked meanwhile are answered under their own ids', async () => {
    const questions = asked.filter(({ offload }) => offload.status === 'queued').map(({ id }) => id);
    expect(questions).toHaveLength(ROUND);
    const stored = async () => (await controller.call('offloads', { query: {} })).items;
    await expect.poll(async () => (await stored()).filter(({ status }) => status === 'waiting')).toEqual([]);
    expect((await stored()).map(({ decision }) => decision).toSorted()).toEqual(questions.toSorted());
    for (const id of questions) {
      const look = async () => (await agent.decision(id)).offload.status;
      await expect.poll(look).toMatch(/^(answered|unanswered)$/);
    }
  });
});

describe('a commit whose answer is lost', () => {
  it('stores nothing twice: the agent sends again, the database knows', async () => {
    keepStandardError();
    const scratch = scratchDirectory();
    const opened: OpenDatabase[] = [];
    const controller = await startTestController({ opened: (open) => void opened.push(open) });
    const database = makeFaulty(opened[0] as OpenDatabase);
    const bundles = join(scratch, 'bundles');
    signedBundle({ from: 'household-1', to: join(bundles, 'household-1'), key: controller.publisher });
    const directory = join(scratch, DEVICE);
    await mustEnrol({ directory, token: await controller.fleetToken(), name: DEVICE });
    const agent = await startAgentHere(directory, '--bundles', bundles);
    await untilConnected(agent);
    database.loseAnswers(3);
    const asked: string[] = [];
    for (let count = 0; count < ROUND; count += 1) asked.push((await agent.ask(QUESTION)).id);
    await expect.poll(async () => (await agent.status()).waiting).toBe(0);
    expect(database.failures()).toBe(3);
    expect((await controller.decisions()).toSorted()).toEqual(asked.toSorted());
  });
});
