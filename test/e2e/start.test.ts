// The command start as a user meets it, with real processes: the story from scratch, later starts on the same directory
// with seeded kills, moved ports, the ways it ends, and what it says when it cannot begin.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256OfFile } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { faultOf, planKills, randomFrom, storyWithKills } from '../soak/parts/kills.ts';
import { parentOf, Starter } from '../soak/parts/starter.ts';

const STORY_MS = 600_000;
const DEVICES = ['home-1', 'home-2', 'home-3', 'home-4', 'pump-1'];
const LINES = ['intent', 'vibration'];
const random = randomFrom(20_261_123);

let directory = '';
const starters: Starter[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nf-e2e-'));
});
afterEach(async () => {
  for (const starter of starters.splice(0)) {
    starter.process.kill('SIGKILL');
    await starter.ended;
  }
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function start(args: readonly string[], where = directory): Starter {
  const starter = new Starter({ directory: where, args });
  starters.push(starter);
  return starter;
}

/** Waits for a line of a starter; when it ends without, the failure shows what it has said. */
async function expectLine(starter: Starter, fits: (line: string) => boolean): Promise<void> {
  const seen = await starter.line(fits);
  expect({ seen, said: seen ? null : await starter.ended }).toEqual({ seen: true, said: null });
}

/** Digest of a device's key: the key itself must not show in a failure. */
const keyOf = (device: string): Promise<string> =>
  sha256OfFile(join(directory, 'agents', device, 'device.key'));
const modeOf = async (path: string): Promise<number> => (await stat(join(directory, path))).mode & 0o777;
const allGone = (pids: readonly number[]) => () =>
  expect(pids.filter((pid) => parentOf(pid) !== undefined)).toEqual([]);

describe('start', () => {
  let deviceKey = '';

  it(
    'plays the story from scratch and tells as JSON what it has seen',
    async () => {
      const starter = start(['--once']);
      await expectLine(starter, (line) => line.startsWith(' ✓ 1'));
      const second = await start(['--once']).ended;
      expect(second.code).toBe(1);
      expect(second.stderr).toContain('STATE_IN_USE');
      expect(second.stderr).toContain(String(starter.process.pid));
      const { code, result, stdout, stderr } = await starter.ended;
      expect(result?.steps.filter(({ ok }) => !ok)).toEqual([]);
      expect({ code, ok: result?.ok, stderr }).toEqual({ code: 0, ok: true, stderr: '' });
      expect(result?.steps).toHaveLength(8);
      for (const device of DEVICES) {
        expect(Object.keys(result?.loaded?.[device] ?? {}).toSorted()).toEqual(LINES);
        expect(result?.loaded?.[device]?.['intent']).toMatchObject({ version: '2.0.0-round.5' });
      }
      expect(result?.['answeredByMini']).not.toEqual([]);
      expect(result?.['localAccuracy']).toBeGreaterThanOrEqual(0.85);
      expect(result?.['outOfScopeSentOn']).toBeGreaterThanOrEqual(0.8);
      const { newRecall, oldLossPoints, bytesPerParameter } = result?.learned ?? {};
      expect(newRecall).toBeGreaterThanOrEqual(0.8 * 0.587);
      expect(oldLossPoints).toBeLessThanOrEqual(1.5);
      expect(bytesPerParameter).toBeLessThanOrEqual(1.2);
      const table = stdout.findIndex((line) => line.includes('this fleet'));
      const told = stdout
        .slice(0, table)
        .filter((line) => line.trim() !== '' && !line.includes('…  ') && !/^ {4}…/.test(line));
      expect(told.length).toBeLessThanOrEqual(19);
      deviceKey = await keyOf('home-1');
    },
    STORY_MS,
  );

  it('keeps the secrets of each party to itself', async () => {
    expect(await modeOf('publisher')).toBe(0o700);
    expect(await modeOf('publisher/publisher.key')).toBe(0o600);
    expect(await modeOf('admin-token')).toBe(0o600);
    const given = await readFile(join(directory, 'controller', 'publisher.pub'), 'utf8');
    expect(given).not.toContain('PRIVATE');
    expect(existsSync(join(directory, 'controller', 'publisher.key'))).toBe(false);
  });

  it(
    'goes on from its directory and completes although processes are killed',
    async () => {
      const story = await storyWithKills(directory, planKills(random, 3));
      expect({ fault: faultOf(story), kills: story.performed }).toMatchObject({ fault: undefined });
      expect(await keyOf('home-1')).toBe(deviceKey);
    },
    STORY_MS,
  );

  it(
    'moves on from taken ports, says so, and ends every process at Ctrl-C',
    async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      await writeFile(join(directory, 'start.json'), JSON.stringify({ http: port, mqtt: 7_421 }));
      const starter = start([]);
      await expectLine(starter, (line) => line.includes(`${port} → `));
      await expectLine(starter, (line) => line.startsWith(' ✓ 2'));
      const pids = Object.values(starter.pids());
      expect(pids).toHaveLength(6);
      starter.process.kill('SIGINT');
      expect((await starter.ended).code).toBe(0);
      allGone(pids)();
      other.close();
    },
    STORY_MS,
  );

  it(
    'leaves no process when it is killed itself',
    async () => {
      const starter = start([]);
      await expectLine(starter, (line) => line.startsWith(' ✓ 2'));
      const pids = Object.values(starter.pids());
      expect(pids).toHaveLength(6);
      starter.process.kill('SIGKILL');
      await starter.ended;
      await eventually(allGone(pids));
    },
    STORY_MS,
  );
});

describe('start --bad-release', () => {
  let fresh = '';
  beforeAll(async () => {
    fresh = await mkdtemp(join(tmpdir(), 'nf-e2e-'));
  });
  afterAll(() => rm(fresh, { recursive: true, force: true }));

  it(
    'has a worse version stopped in its first wave by what both models make of the same texts, and rolled back',
    async () => {
      const { code, result, stderr } = await start(['--once', '--bad-release'], fresh).ended;
      expect({ faults: result?.steps.filter(({ ok }) => !ok), stderr }).toEqual({ faults: [], stderr: '' });
      expect(code).toBe(0);
      const [, good, bad] = result?.steps ?? [];
      expect(good?.evidence).toMatchObject({
        gate: { verdict: 'passed' },
        waves: [{ given: 2 }, { given: 3 }],
      });
      expect(bad?.evidence).toMatchObject({
        phase: 'rolled-back',
        reason: { code: 'ROLLOUT_GATE_STOPPED' },
        given: ['home-1', 'home-2'],
      });
      expect(JSON.stringify(bad?.evidence['reason'])).toContain('where the models differ');
      for (const device of DEVICES)
        expect(result?.loaded?.[device]?.['intent']).toMatchObject({ digest: good?.evidence['digest'] });
    },
    STORY_MS,
  );
});

describe('start that cannot begin', () => {
  let fresh = '';
  beforeAll(async () => {
    fresh = await mkdtemp(join(tmpdir(), 'nf-e2e-'));
  });
  afterAll(() => rm(fresh, { recursive: true, force: true }));

  it('refuses a port that was asked for and is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr, result } = await start(['--once', '--port', String(port)], fresh).ended;
    other.close();
    expect(code).toBe(1);
    expect(stderr).toContain('PORT_TAKEN');
    expect(result).toMatchObject({ ok: false, error: { code: 'PORT_TAKEN' } });
  });

  it('says what is corrupt and what to do', async () => {
    await writeFile(join(fresh, 'start.json'), '{"http":');
    const { code, stderr } = await start(['--once'], fresh).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('STATE_CORRUPT');
    expect(stderr).toContain('start.json');
    await rm(join(fresh, 'start.json'));
  });

  it('passes on why the controller could not begin', async () => {
    await mkdir(join(fresh, 'controller', 'db'), { recursive: true });
    await writeFile(join(fresh, 'controller', 'db', 'PG_VERSION'), 'not a database');
    const { code, stderr } = await start(['--once'], fresh).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('STATE_CORRUPT');
    await rm(join(fresh, 'controller'), { recursive: true });
  }, 60_000);

  it('ends with 2 for a command line that it does not understand', async () => {
    const { code, stderr } = await start(['--onec'], fresh).ended;
    expect(code).toBe(2);
    expect(stderr).toContain('SETTING_INVALID');
  });
});
