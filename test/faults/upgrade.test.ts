// The agent upgrades itself: real processes under the loader, over TLS, by the operators' command. What is good is committed;
// what crashes, hangs or does not fit leaves the device with what it ran, and tells why.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT_ENTRY_FILE, deviceAgentSchema, parseAgentRelease } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { atEnd } from '../endings.ts';
import { changeRelease, installFrom, makeRelease } from './parts/agent-releases.ts';
import { mustEnrol } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { type Running, startProgram } from './parts/programs.ts';
import { keepStandardError } from './parts/quiet.ts';
import { TlsFleet } from './parts/tls-fleet.ts';

/** For releases that never prove themselves; the others have the ten minutes of the loader. */
const SHORT_PROBATION = ['--probation-ms', '6000'];
const fleet = new TlsFleet();
const at = (...parts: string[]): string => join(fleet.scratch, ...parts);
const CRASHING = 'process.exit(3);\n';
const HANGING = "process.on('SIGTERM', () => process.exit(0));\nsetInterval(() => undefined, 1_000);\n";
let loader = '';

const startDevice = async (name: string, own: string[] = [], ...args: string[]): Promise<Running> => {
  const running = await startProgram({
    file: loader,
    args: [...own, 'run', '--dir', at(name), '--exit-with-stdin', '--json', '--beat-ms=200', ...args],
  });
  atEnd(() => running.kill());
  return running;
};

/** A device of its own group whose agent was started by the loader. */
const device = async (name: string, own: string[] = [], ...args: string[]): Promise<Running> => {
  await mustEnrol({ directory: at(name), name, token: await fleet.token() });
  await fleet.nanofleet('devices', 'move', name, name);
  return startDevice(name, own, ...args);
};

/** Signs a release and brings it to the registry, and to a group if there is one. */
const push = async (release: string, group?: string): Promise<void> => {
  const signed = await fleet.nanofleet('agents', 'sign', release);
  expect(signed).toMatchObject({ code: 0 });
  const target = group === undefined ? [] : ['--group', group];
  expect(await fleet.nanofleet('agents', 'push', release, ...target)).toMatchObject({ code: 0 });
};

const standing = async (name: string) => {
  const { out } = await fleet.nanofleet('agents', 'status', name, '--json');
  return z.array(deviceAgentSchema).parse(JSON.parse(out))[0];
};

const bootOf = (name: string) =>
  JSON.parse(readFileSync(at(name, 'agent', 'boot.json'), 'utf8')) as Record<string, unknown>;

beforeAll(async () => {
  keepStandardError();
  await fleet.run();
  const authority = fleet.controller.running.authorityKeyId ?? '';
  expect(await fleet.login('--authority', authority)).toMatchObject({ code: 0 });
  await makeRelease(at('0.1.0'), '0.1.0');
  await makeRelease(at('0.2.0'), '0.2.0');
  await push(at('0.1.0'));
  expect(await fleet.nanofleet('trust', 'init')).toMatchObject({ code: 0 });
  // What the publisher has signed before counts as listed, releases of the agent like models.
  expect((await fleet.nanofleet('trust', 'show')).out).toContain('1 release is listed.');
  loader = installFrom(at('0.1.0'), at('installed'));
}, 240_000);

describe('an agent under its loader', () => {
  it('stages a release, proves it on probation, commits it, and runs it from then on', async () => {
    const bundle = signedBundle({ from: 'nano-s', to: at('signed', 'intents'), key: fleet.publisher });
    const running = await device('good', [], '--bundles', join(bundle.directory, '..'));
    await eventually(async () => expect((await standing('good'))?.version).toBe('0.1.0'));
    await push(at('0.2.0'), 'good');
    await eventually(async () =>
      expect(await standing('good')).toMatchObject({ state: 'running', version: '0.2.0', isOnline: true }),
    );
    // The loader has told the agent what it started, and commands run as that.
    expect(bootOf('good')).toMatchObject({ committed: { version: '0.2.0' }, trial: null, refused: null });
    await running.stop();
    const again = await startDevice('good');
    expect(again.ready).toMatchObject({ lines: { intent: { version: '1.0.0' } } });
    await eventually(async () =>
      expect(await standing('good')).toMatchObject({ state: 'running', version: '0.2.0' }),
    );
  }, 120_000);

  it('goes back when a release ends three times before it is committed, says why, and takes a mended one', async () => {
    await device('crash');
    const broken = changeRelease(at('0.2.0'), at('crashing'), {
      manifest: { version: '0.1.5' },
      entry: CRASHING,
    });
    await push(broken, 'crash');
    await eventually(async () =>
      expect(await standing('crash')).toMatchObject({
        state: 'rolled-back',
        version: '0.1.0',
        desired: '0.1.5',
        report: { step: 'refused', refused: { code: 'AGENT_START_FAILED' } },
      }),
    );
    expect(bootOf('crash')).toMatchObject({ committed: null, trial: null });
    await push(at('0.2.0'), 'crash');
    await eventually(async () => expect(await standing('crash')).toMatchObject({ state: 'running' }));
  }, 120_000);

  it('goes back when a release does not reach the controller in its probation, and tries it again when told to', async () => {
    await device('hang', SHORT_PROBATION);
    const hanging = changeRelease(at('0.2.0'), at('hanging'), {
      manifest: { version: '0.1.6' },
      entry: HANGING,
    });
    await push(hanging, 'hang');
    const isBack = {
      state: 'rolled-back',
      isOnline: true,
      report: { refused: { code: 'AGENT_NO_CONTACT' } },
    };
    await eventually(async () => expect(await standing('hang')).toMatchObject(isBack));
    await push(hanging, 'hang');
    await eventually(async () => expect(await standing('hang')).not.toMatchObject(isBack));
    await eventually(async () => expect(await standing('hang')).toMatchObject(isBack));
  }, 120_000);

  it('refuses what is older, is for another platform, or needs more, each with its code, and goes on', async () => {
    const running = await device('choosy');
    await push(at('0.2.0'), 'choosy');
    await eventually(async () => expect((await standing('choosy'))?.state).toBe('running'));
    const { needs } = parseAgentRelease(readFileSync(at('0.2.0', 'manifest.json')));
    const cases = [
      [{ version: '0.1.9' }, 'AGENT_DOWNGRADE'],
      [{ version: '0.3.0', platforms: ['linux-other'] }, 'AGENT_PLATFORM_WRONG'],
      [{ version: '0.3.1', needs: { ...needs, node: '99.0.0' } }, 'NEEDS_NOT_MET'],
      [{ version: '0.3.2', needs: { ...needs, loader: 2 } }, 'NEEDS_NOT_MET'],
    ] as const;
    for (const [manifest, code] of cases) {
      await push(
        changeRelease(at('0.2.0'), at(`choosy-${manifest.version}`), { manifest: manifest as never }),
        'choosy',
      );
      await eventually(async () =>
        expect(await standing('choosy')).toMatchObject({
          ...{ state: 'refused', version: '0.2.0', desired: manifest.version },
          report: { refused: { code } },
        }),
      );
    }
    expect(running.isOver()).toBe(false);
    expect(readdirSync(at('choosy', 'agent', 'versions')).filter((name) => name.endsWith('.part'))).toEqual(
      [],
    );
  }, 120_000);

  it('stages nothing of a release that the disk of the controller has changed', async () => {
    await device('witness');
    const release = changeRelease(at('0.2.0'), at('changed'), {
      manifest: { version: '0.4.0' },
      entry: '// was whole\n',
    });
    await fleet.nanofleet('agents', 'sign', release);
    await fleet.nanofleet('agents', 'push', release);
    const { files } = parseAgentRelease(readFileSync(join(release, 'manifest.json')));
    const entry = files.find(({ name }) => name === AGENT_ENTRY_FILE)?.sha256 ?? '';
    writeFileSync(join(fleet.controller.directory, 'blobs', entry), '// is wrong\n');
    await fleet.nanofleet('agents', 'push', release, '--group', 'witness');
    await eventually(async () =>
      expect(await standing('witness')).toMatchObject({
        ...{ state: 'refused', version: '0.1.0' },
        report: { refused: { code: 'DIGEST_MISMATCH' } },
      }),
    );
  }, 120_000);

  const steps = {
    'has begun to fetch': (name: string) => existsSync(at(name, 'agent', 'versions')),
    'has staged it': (name: string) => existsSync(at(name, 'agent', 'boot.json')),
    'is on probation': (name: string) => bootOf(name)['trial'] === null || startsOf(name) > 0,
  };
  it.each(Object.entries(steps))(
    'is there again after kill -9 once it %s, and becomes the release',
    async (title, isThere) => {
      const name = `killed-${Object.keys(steps).indexOf(title)}`;
      const running = await device(name);
      await push(at('0.2.0'), name);
      await eventually(() => expect(isThere(name)).toBe(true));
      await running.kill();
      await eventually(() => expect(agentsOn(name)).toEqual([]));
      await startDevice(name);
      await eventually(async () =>
        expect(await standing(name)).toMatchObject({ state: 'running', version: '0.2.0', isOnline: true }),
      );
    },
    120_000,
  );

  it('tells the manager of services through the loader that it is ready and lives', async () => {
    const programs = at('programs');
    mkdirSync(programs);
    const notify = join(programs, 'systemd-notify');
    writeFileSync(notify, `#!/bin/sh\necho "$NOTIFY_SOCKET $1" >> ${at('told')}\n`, { mode: 0o755 });
    await mustEnrol({ directory: at('unit'), name: 'unit', token: await fleet.token() });
    const running = await startProgram({
      file: loader,
      args: ['run', '--dir', at('unit'), '--exit-with-stdin', '--json', '--notify'],
      environment: { NOTIFY_SOCKET: '/run/told', PATH: `${programs}:/usr/bin:/bin` },
    });
    atEnd(() => running.kill());
    await eventually(() => expect(readFileSync(at('told'), 'utf8')).toBe('/run/told READY=1\n'));
  });
});

const startsOf = (name: string): number =>
  z.object({ trial: z.object({ starts: z.int() }) }).parse(bootOf(name)).trial.starts;

/** Process ids of agents and loaders on a state directory. */
function agentsOn(name: string): string[] {
  const commandOf = (id: string): string => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8');
    } catch {
      // It has ended since.
      return '';
    }
  };
  const ids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return ids.filter((id) => commandOf(id).split('\0').includes(at(name)));
}
