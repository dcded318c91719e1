import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, fileDisk, portsFor, readIdentity } from '@nanofleet/agent';
import { LOCAL_PATHS, OUTBOX_SEGMENT_BYTES } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { beforeAll, describe, expect, it, onTestFinished, type TestContext, vi } from 'vitest';
import { mustEnrol, runAgentCommand, startAgent, writeLoneIdentity } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { keepStandardError } from './parts/quiet.ts';
import { openRelay, type Relay } from './parts/relay.ts';
import { makeSmallDisk, type SmallDisk } from './parts/small-disk.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 240_000 });
/** Nine thousand decisions travel; on a machine with other work that takes its time. */
const PATIENT = { timeout: 75_000 };

const QUESTION = 'what is on my calendar for tomorrow';
const STRANGE = 'please water the begonias under the drawbridge';
const DECISIONS = 9_000;
const QUESTIONS = 50;
const BATCHES = 10;
const SMALL_FILES_BYTES = 100_000;
const scratch = scratchDirectory();
const bundles = join(scratch, 'bundles');
const publisher = generateSigningKey();

let controller: TestController;
let relay: Relay;

beforeAll(async () => {
  keepStandardError();
  signedBundle({ from: 'household-1', to: join(bundles, 'household-1'), key: publisher });
  relay = await openRelay();
  const advertisedMqttUrl = `mqtt://127.0.0.1:${relay.port}`;
  controller = await startTestController({ publisher, settings: { advertisedMqttUrl } });
  relay.aimAt({ host: '127.0.0.1', port: controller.running.mqttPort });
});

const openAgent = async (directory: string, disk: SmallDisk): Promise<Agent> => {
  const identity = readIdentity(fileDisk, directory);
  const agent = new Agent({ directory, identity, bundles, beatMs: 200 }, { ...portsFor(identity), disk });
  await agent.load();
  agent.start();
  return agent;
};

describe('a full disk under the outbox', () => {
  it('stops no answer; decisions are dropped, questions are not; every loss is counted and reported', async () => {
    const directory = join(scratch, 'home-1');
    await mustEnrol({ directory, token: await controller.fleetToken(), name: 'home-1' });
    const disk = makeSmallDisk(Infinity);
    const agent = await openAgent(directory, disk);
    onTestFinished(() => agent.close());
    relay.cut();
    // Room for one more segment, less than the decisions need, and for small files.
    disk.free = OUTBOX_SEGMENT_BYTES + SMALL_FILES_BYTES;
    const asked: string[] = [];
    for (let count = 0; count < DECISIONS; count += 1) asked.push((await agent.decide(QUESTION, {})).id);
    for (let count = 0; count < QUESTIONS; count += 1) {
      const { id, offload } = await agent.decide(STRANGE, {});
      expect(offload.status).toBe('queued');
      asked.push(id);
    }
    expect(new Set(asked).size).toBe(DECISIONS + QUESTIONS);
    relay.mend();
    await expect.poll(() => agent.status().link, PATIENT).toBe('connected');
    await expect.poll(() => agent.status().waiting, PATIENT).toBe(0);
    const reportedLosses = async () => {
      const { items } = await controller.call('events', { query: { type: 'records-dropped' } });
      expect(items.filter(({ event }) => event['class'] !== 'decision')).toEqual([]);
      return items.reduce((sum, { event }) => sum + Number(event['dropped']), 0);
    };
    // A loss is reported with the next beat.
    const accountedFor = async () => (await controller.decisions()).length + (await reportedLosses());
    await expect.poll(accountedFor, PATIENT).toBe(asked.length);
    const stored = await controller.decisions();
    expect(new Set(stored).size).toBe(stored.length);
    expect(stored.length).toBeLessThan(asked.length);
    const dropped = await reportedLosses();
    await expect
      .poll(() => agent.status().health?.outbox)
      .toMatchObject({ offload: { dropped: 0 }, event: { dropped: 0 }, decision: { dropped } });
    expect((await controller.call('fleet')).offloads.total).toBe(QUESTIONS);
  });

  it('that has no byte left when the agent starts: it answers, and says what it could not keep', async () => {
    const directory = join(scratch, 'lone');
    writeLoneIdentity(directory, { publisher: publisher.fingerprint });
    const disk = makeSmallDisk(Infinity);
    const first = await openAgent(directory, disk);
    await first.close();
    fileDisk.removeTree(join(directory, 'outbox'));
    disk.free = 0;
    const agent = await openAgent(directory, disk);
    onTestFinished(() => agent.close());
    const { id, label } = await agent.decide(QUESTION, {});
    expect(label).toBe('calendar');
    expect(agent.decision(id)?.label).toBe('calendar');
    await expect(agent.decide(QUESTION, { durable: true })).rejects.toMatchObject({ code: 'DISK_FULL' });
    const { offload } = await agent.decide(STRANGE, {});
    expect(offload.status).toBe('refused');
    const codes = () => agent.status().problems.map(({ code }) => code);
    await expect.poll(codes).toContain('DISK_FULL');
    disk.free = Infinity;
    let asked = 3;
    const isKept = (): Promise<boolean> => {
      asked += 1;
      return agent.decide(QUESTION, { durable: true }).then(
        () => true,
        () => false,
      );
    };
    await expect.poll(isKept).toBe(true);
    const accountedFor = () => {
      const { dropped = 0, records = 0 } = agent.status().health?.outbox.decision ?? {};
      return { dropped, records };
    };
    await expect.poll(accountedFor).toEqual({ dropped: asked - 1, records: 1 });
    expect(agent.status().health?.outbox.offload).toMatchObject({ dropped: 1, records: 0 });
    await expect.poll(codes).not.toContain('DISK_FULL');
  });
});

describe('a real file system without space', () => {
  /** A file system of twelve megabytes; the test is skipped where nobody may mount one. */
  const mountTiny = ({ skip }: TestContext): string => {
    const mount = mkdtempSync(join(tmpdir(), 'nf-tiny-'));
    const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', mount]).status === 0;
    onTestFinished(() => {
      if (isMounted) spawnSync('umount', ['-l', mount]);
      rmSync(mount, { recursive: true, force: true });
    });
    skip(!isMounted, 'no right to mount a file system');
    return mount;
  };

  it('stops no answer of an agent process; after a kill it starts and answers again', async (context) => {
    const mount = mountTiny(context);
    const directory = join(mount, 'lone');
    writeLoneIdentity(directory, { publisher: publisher.fingerprint });
    const agent = await startAgent(directory, '--bundles', bundles);
    onTestFinished(() => agent.kill());
    const { bavail, bsize } = statfsSync(mount);
    writeFileSync(join(mount, 'filler'), Buffer.alloc(bavail * bsize - 1.5 * OUTBOX_SEGMENT_BYTES));
    const texts = Array.from({ length: 1_000 }, () => QUESTION);
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const { status, text } = await agent.send({ path: LOCAL_PATHS.batch, body: { texts } });
      expect({ status, hasError: text.includes('"error"') }).toEqual({ status: 200, hasError: false });
    }
    const outboxOf = async () => (await agent.status()).health?.outbox.decision;
    const accountedFor = async () => {
      const { dropped = 0, records = 0 } = (await outboxOf()) ?? {};
      return dropped + records;
    };
    await expect.poll(accountedFor).toBe(BATCHES * texts.length);
    expect((await outboxOf())?.dropped).toBeGreaterThan(0);
    await agent.kill();
    const again = await startAgent(directory, '--bundles', bundles);
    onTestFinished(() => again.kill());
    expect((await again.ask(QUESTION)).label).toBe('calendar');
    expect((await again.status()).waiting).toBeGreaterThan(0);
  });

  it('is named when not even an identity fits on it, and costs no use of the token', async (context) => {
    const mount = mountTiny(context);
    spawnSync('dd', ['if=/dev/zero', `of=${join(mount, 'filler')}`, 'bs=4k']);
    const token = await controller.fleetToken({ uses: 1 });
    const enrolOn = (directory: string) =>
      runAgentCommand('enrol', '--dir', directory, '--token', token, '--name', 'home-9');
    const { code, err } = await enrolOn(join(mount, 'home-9'));
    expect(code).toBe(1);
    expect(err).toMatch(/^DISK_FULL .*\n.*the disk of the state directory is full/);
    expect((await enrolOn(join(scratch, 'home-9'))).code).toBe(0);
  });
});
