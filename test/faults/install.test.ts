// The line of `devices add`, run by a shell as a person would: enrolled over TLS, decisions, records at the controller,
// nothing left after `uninstall`; and what a changed script or package comes to.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { runProgram } from '@nanofleet/cli';
import { agentStatusSchema, decisionSchema } from '@nanofleet/protocol';
import { generateSigningKey, writeSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { atEnd } from '../endings.ts';
import { signedBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { keepStandardError } from './parts/quiet.ts';

const run = promisify(execFile);
const scratch = scratchDirectory();
const agents = join(scratch, 'agents');
/** Of the agents that the tests start, which no variable tells that this is a test. */
const home = join(scratch, 'home');
const profile = join(scratch, 'profile');
const publisher = generateSigningKey();
const indexSchema = z.object({
  packages: z.array(z.object({ file: z.string(), sha256: z.string() })).min(1),
});
const eventSchema = z.object({ event: z.object({ decision: z.string() }) });
/** Node's place and that of the script's tools; the machine's own Node is not there. */
const TOOLS = '/usr/bin:/bin';
const PACKAGE_AGENT = join(import.meta.dirname, '..', '..', 'scripts', 'package-agent.mjs');
let controller: TestController;

const nanofleet = async (...argv: string[]) => {
  const shown = { out: '', err: '' };
  const sink = (name: 'out' | 'err') => ({
    write: (text: string) => void (shown[name] += text),
    isTTY: false,
    columns: 80,
  });
  const world = {
    ...{ env: {}, home: scratch, stdout: sink('out'), stderr: sink('err') },
    ...{ now: () => 0, sleep: () => Promise.resolve(), run: () => Promise.resolve(null) },
    deadline: () => new AbortController().signal,
  };
  const code = await runProgram(world, [...argv, '--profile', profile]);
  return { code, ...shown };
};

/** The printed line for a device below a directory. */
const lineFor = async (name: string): Promise<string> => {
  const { code, out, err } = await nanofleet(
    'devices',
    'add',
    name,
    '--group',
    'homes',
    '--into',
    join(scratch, name),
  );
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  return out.trim();
};

/** What a shell makes of a line. */
const inShell = async (line: string, path = TOOLS): Promise<{ code: number; out: string; err: string }> => {
  const options = { env: { PATH: path }, cwd: scratch };
  return run('sh', ['-c', line], options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (thrown: { code: number; stdout: string; stderr: string }) => ({
      code: thrown.code,
      out: thrown.stdout,
      err: thrown.stderr,
    }),
  );
};

const NATIVE = `linux-${process.arch}`;
/** xz for the small package only: it takes several times as long. */
const FORMS: Readonly<Record<string, readonly string[]>> = { 'linux-any': ['xz', 'gzip'] };

const makePackages = (platform: string, to: string) =>
  run(process.execPath, [
    PACKAGE_AGENT,
    ...['--platform', platform, '--out', to, '--node', process.execPath, '--level', '1'],
    ...(FORMS[platform] ?? ['gzip']).flatMap((form) => ['--form', form]),
  ]);

const made = (platform: string): string => join(scratch, `made-${platform}`);

/** What the controller serves from now on, as it was made. */
const serve = (platform: string): void => {
  rmSync(agents, { recursive: true, force: true });
  cpSync(made(platform), agents, { recursive: true });
};

const packageFile = (): string => {
  const { packages } = indexSchema.parse(JSON.parse(readFileSync(join(agents, 'index.json'), 'utf8')));
  return join(agents, packages[0]?.file ?? '');
};

beforeAll(async () => {
  keepStandardError();
  mkdirSync(home);
  for (const platform of [NATIVE, 'linux-any']) await makePackages(platform, made(platform));
  controller = await startTestController({
    publisher,
    settings: { isSecure: true, agentsDirectory: agents },
  });
  await writeSigningKey(join(profile, 'publisher.key'), publisher);
  const address = `https://127.0.0.1:${controller.running.httpPort}`;
  const file = join(controller.directory, 'admin-token');
  const authority = controller.running.authorityKeyId ?? '';
  expect(await nanofleet('login', address, '--token-file', file, '--authority', authority)).toMatchObject({
    code: 0,
  });
}, 240_000);

describe.runIf(process.platform === 'linux')('the line of devices add', () => {
  beforeEach(() => serve(NATIVE));

  it('makes a machine a device of the fleet over TLS, and uninstall leaves nothing', async () => {
    const place = join(scratch, 'pump-1');
    const line = await lineFor('pump-1');
    const installed = await inShell(line);
    expect(installed).toMatchObject({ code: 0, err: '' });
    expect(installed.out).toContain('pump-1 is enrolled');
    const start = /Start it: (.+)$/m.exec(installed.out)?.[1] ?? '';
    expect(start).toBe(`${place}/current/bin/nanofleet-agent run`);
    expect(statSync(join(place, 'state')).mode & 0o777).toBe(0o700);

    const bundle = signedBundle({ from: 'nano-s', to: join(scratch, 'signed', 'intents'), key: publisher });
    const program = join(place, 'current', 'bin', 'nanofleet-agent');
    const agent = startInstalled(program, { path: TOOLS }, '--bundles', join(bundle.directory, '..'));
    await untilConnected(program);
    const { stdout } = await run(program, ['ask', '--json', 'turn on the light in the kitchen']);
    const decision = decisionSchema.parse(JSON.parse(stdout));
    expect(decision.label).not.toBe('');
    await eventually(async () => {
      expect(await arrived()).toContain(decision.id);
    });
    // ONNX Runtime keeps there what it would send to its makers.
    expect(existsSync(join(home, '.cache'))).toBe(false);

    const again = await inShell(line);
    expect(again).toMatchObject({ code: 0, err: '' });
    expect(again.out).toContain('enrolled already');

    const over = once(agent, 'exit');
    expect((await run(program, ['uninstall'])).stdout).toContain('the agent is gone');
    await over;
    expect(existsSync(place)).toBe(false);
  }, 240_000);

  it('takes WebAssembly and the own Node where the controller has no package for the machine', async () => {
    serve('linux-any');
    const line = await lineFor('any-1');
    const path = `${dirname(process.execPath)}:${TOOLS}`;
    expect(await inShell(line, path)).toMatchObject({ code: 0, err: '' });
    const bundle = signedBundle({ from: 'nano-s', to: join(scratch, 'signed', 'intents'), key: publisher });
    const program = join(scratch, 'any-1', 'current', 'bin', 'nanofleet-agent');
    const agent = startInstalled(program, { path }, '--bundles', join(bundle.directory, '..'));
    await untilConnected(program, path);
    const asked = await run(program, ['ask', '--json', 'turn on the light'], { env: { PATH: path } });
    expect(decisionSchema.parse(JSON.parse(asked.stdout)).label).not.toBe('');
    const found = await run(program, ['doctor'], { env: { PATH: path } });
    expect(found.stdout).toMatch(/engine +onnxruntime-web .*WebAssembly: onnxruntime-node does not load/);
    agent.kill();
  }, 240_000);

  it('takes xz where the device unpacks it, and gzip elsewhere', async () => {
    serve('linux-any');
    const withXz = await inShell(await lineFor('xz-1'), folderOfTools('with-xz', ['node', 'xz']));
    expect(withXz).toMatchObject({ code: 0, err: '' });
    expect(withXz.out).toMatch(/taking nanofleet-agent-linux-any-[0-9a-f]{16}\.tar\.xz/);
    const withoutXz = await inShell(await lineFor('xz-2'), folderOfTools('without-xz', ['node']));
    expect(withoutXz).toMatchObject({ code: 0, err: '' });
    expect(withoutXz.out).toMatch(/taking nanofleet-agent-linux-any-[0-9a-f]{16}\.tar\.gz/);
  }, 240_000);

  it('says what to install where it would need the own Node and there is none', async () => {
    serve('linux-any');
    const { code, err } = await inShell(await lineFor('any-2'), folderOfTools('without-node'));
    expect(code).toBe(1);
    expect(err).toMatch(/no package with a Node for this machine \(.+\): install Node 20\.19 or later/);
  }, 240_000);

  it('runs nothing of a script that was changed on the way', async () => {
    const line = await lineFor('changed-1');
    appendFileSync(join(agents, 'install.sh'), "touch 'owned'\n");
    const { code, err } = await inShell(line);
    expect({ code, err }).toEqual({ code: 1, err: 'nanofleet: this is not the script of the line\n' });
    expect(readdirSync(scratch)).not.toContain('owned');
  }, 240_000);

  it('unpacks nothing of a package that was changed on the way', async () => {
    const line = await lineFor('changed-2');
    const file = packageFile();
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0, 1_000, 1_010));
    const { code, err } = await inShell(line);
    expect(code).toBe(1);
    expect(err).toMatch(/the package has SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}: it was not unpacked/);
    expect(existsSync(join(scratch, 'changed-2', 'current'))).toBe(false);
  }, 240_000);

  it('comes from packages of the same bytes each time', async () => {
    const first = readFileSync(packageFile());
    await makePackages(NATIVE, agents);
    expect(readFileSync(packageFile()).equals(first)).toBe(true);
  }, 240_000);
});

describe('devices add', () => {
  beforeEach(() => serve(NATIVE));

  it('says what is missing on a controller without packages, and makes no token', async () => {
    const before = await nanofleet('fleet-tokens', 'ls', '--json');
    const moved = `${agents}.away`;
    await run('mv', [agents, moved]);
    const { code, err } = await nanofleet('devices', 'add', 'pump-9', '--group', 'homes');
    await run('mv', [moved, agents]);
    expect(code).toBe(1);
    expect(err).toContain('package:agent');
    expect((await nanofleet('fleet-tokens', 'ls', '--json')).out).toBe(before.out);
  });
});

/** Starts the installed agent with nothing of this machine's Node on the path. */
function startInstalled(program: string, { path }: { path: string }, ...args: string[]): ChildProcess {
  const child = spawn(program, ['run', ...args], { env: { PATH: path, HOME: home }, stdio: 'ignore' });
  atEnd(() => void child.kill('SIGKILL'));
  return child;
}

/** A folder with the tools that the script asks for, those named beside, and nothing else. */
function folderOfTools(name: string, beside: readonly string[] = []): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  const tools =
    'sh id mkdir pwd sha256sum tar gzip uname df curl getconf grep sed awk printf dirname cut cat ' +
    'rm mv rmdir ln readlink chmod';
  const places = [...TOOLS.split(':'), dirname(process.execPath)];
  for (const tool of [...tools.split(' '), ...beside]) {
    const found = places.map((place) => join(place, tool)).find((file) => existsSync(file));
    if (found !== undefined) symlinkSync(found, join(folder, tool));
  }
  return folder;
}

const untilConnected = (program: string, path = TOOLS): Promise<void> =>
  eventually(async () => {
    const { stdout } = await run(program, ['status', '--json'], { env: { PATH: path } });
    expect(agentStatusSchema.parse(JSON.parse(stdout)).link).toBe('connected');
  });

/** Decisions that arrived, by the operators' command. */
async function arrived(): Promise<string[]> {
  const { out } = await nanofleet('events', '--type', 'decision', '--json');
  const lines = out.split('\n').filter((line) => line !== '');
  return lines.map((line) => eventSchema.parse(JSON.parse(line)).event.decision);
}
