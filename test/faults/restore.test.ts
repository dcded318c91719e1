// A fleet after the restore of an older backup, with the real programs over TLS: devices that are ahead keep what they run,
// one that enrolled since comes back by its certificate, one that was revoked since does not.
import { join } from 'node:path';
import { runProgram } from '@nanofleet/cli';
import { operateController, systemClock, systemRandom } from '@nanofleet/controller';
import { freePort, TEST_CACHE } from '@nanofleet/controller/testing';
import { trustSchema } from '@nanofleet/protocol';
import { generateSigningKey, writeSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, expect, it, vi } from 'vitest';
import { mustEnrol, startAgentHere, type TestAgent, untilConnected } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { keepStandardError } from './parts/quiet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

/** A fleet of three on a busy machine. */
const LONG = { withinMs: 120_000 };
const scratch = scratchDirectory();
const directory = join(scratch, 'controller');
const profile = join(scratch, 'profile');
const publisher = generateSigningKey();
const secret = { passphrase: 'correct horse battery' };
const backup = join(scratch, 'fleet.backup');
const agents = new Map<string, TestAgent>();
let controller: TestController;
let settings = { isSecure: true, httpPort: 0, mqttPort: 0 };

/** Runs the operators' command; what it printed. */
const nanofleet = async (...argv: string[]): Promise<string> => {
  let shown = '';
  const sink = { write: (text: string) => void (shown += text), isTTY: false, columns: 200 };
  const silent = { ...sink, write: () => undefined };
  const world = {
    ...{ env: {}, home: scratch, stdout: sink, stderr: silent, now: () => systemClock.unixMs() },
    ...{ run: () => Promise.resolve(null), sleep: () => Promise.resolve() },
    deadline: () => new AbortController().signal,
  };
  const code = await runProgram(world, [...argv, '--profile', profile]);
  expect([code, shown]).toEqual([0, shown]);
  return shown;
};

const serve = async (): Promise<void> => {
  controller = await startTestController({ publisher, directory, settings });
  settings = { ...settings, httpPort: controller.running.httpPort, mqttPort: controller.running.mqttPort };
};

const takeIn = async (name: string): Promise<void> => {
  const token = (await nanofleet('fleet-tokens', 'new', 'homes', '--group', 'homes')).trim();
  await mustEnrol({ directory: join(scratch, name), name, token });
  const agent = await startAgentHere(join(scratch, name));
  agents.set(name, agent);
  await untilConnected(agent);
};

const release = async (releaseCounter: number): Promise<void> => {
  const to = join(scratch, `release-${releaseCounter}`);
  const bundle = signedBundle({ from: 'household-1', to, key: publisher, releaseCounter });
  await nanofleet('models', 'push', bundle.directory, '--all');
};

const runs = async (name: string): Promise<unknown> => {
  const { link, lines, problems } = (await agents.get(name)?.status()) ?? {};
  const [line] = Object.values(lines ?? {});
  return { link, release: line?.running?.releaseCounter, refused: line?.refused?.code, problems };
};
const settledOn = (releaseCounter: number) => ({
  ...{ link: 'connected', release: releaseCounter, refused: undefined, problems: [] },
});

const operate = (task: Parameters<typeof operateController>[0]['task']) =>
  operateController(
    {
      task,
      wanted: { directory, databaseUrl: null, databaseSchema: 'public', cacheDirectory: TEST_CACHE },
    },
    { clock: systemClock, random: systemRandom },
  );

beforeAll(async () => {
  keepStandardError();
  settings = { ...settings, httpPort: await freePort(), mqttPort: await freePort() };
  await serve();
  await writeSigningKey(join(profile, 'publisher.key'), publisher);
  await nanofleet(
    ...['login', `https://127.0.0.1:${settings.httpPort}`, '--token-file', join(directory, 'admin-token')],
    ...['--authority', controller.running.authorityKeyId ?? ''],
  );
  await nanofleet('trust', 'init');
  await takeIn('early');
  await release(1);
  await eventually(async () => expect(await runs('early')).toEqual(settledOn(1)), LONG);
});

it('comes back as it was, and devices as they are', async () => {
  await operate({ kind: 'create', file: backup, locks: [secret], given: {} });
  for (const name of ['late', 'stolen']) await takeIn(name);
  await release(2);
  for (const name of agents.keys()) {
    await eventually(async () => expect(await runs(name)).toEqual(settledOn(2)), LONG);
  }
  await nanofleet('devices', 'revoke', 'stolen');
  await controller.running.stop();

  const revoked = ['stolen'] as never;
  await operate({ kind: 'restore', file: backup, opener: secret, revoked, replaces: true });
  await serve();
  for (const name of ['early', 'late']) {
    await eventually(async () => expect(await runs(name)).toEqual(settledOn(2)), LONG);
  }
  const listed = JSON.parse(await nanofleet('devices', 'ls', '--json')) as Record<string, unknown>[];
  expect(listed.map(({ device, group, status }) => [device, group, status])).toEqual([
    ['early', 'homes', 'online'],
    ['late', 'readmitted', 'online'],
    ['stolen', 'revoked', 'revoked'],
  ]);
});

it('tells the operator what it adopted', async () => {
  await eventually(async () => {
    const told = await nanofleet('timeline', '--json');
    expect([told.includes('device-readmitted'), told.includes('device-ahead')]).toEqual([true, true]);
  });
});

it('takes what devices say from where they are, once', async () => {
  await agents.get('late')?.ask('turn on the kitchen light');
  await eventually(async () => {
    const heard = await nanofleet('events', '--device', 'late', '--json');
    expect(heard.split('"sequence"').length).toBeGreaterThan(1);
  });
});

it('gets back from its publisher what it has lost of the release metadata', async () => {
  const targets = async (): Promise<number | undefined> => {
    const { roles } = trustSchema.parse(JSON.parse(await nanofleet('trust', 'show', '--json')));
    return roles.find(({ role }) => role === 'targets')?.version;
  };
  expect(await targets()).toBe(2);
  await nanofleet('trust', 'push');
  expect(await targets()).toBe(4);
});

it('gives devices the next release, which no restored one stands in the way of', async () => {
  await release(3);
  for (const name of ['early', 'late']) {
    await eventually(async () => expect(await runs(name)).toEqual(settledOn(3)), LONG);
  }
});
