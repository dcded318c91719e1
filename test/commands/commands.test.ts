import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const children: ChildProcess[] = [];
/** Watchers that outlive the process above them. */
const watchers: number[] = [];

/** Runs a script of the root to its end. */
async function ended(script: string, ...args: string[]): Promise<{ code: number; lines: string[] }> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', script), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NANOFLEET_REQUIRE: '' },
  });
  children.push(child);
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) lines.push(line);
  const code = child.exitCode ?? (await new Promise<number>((resolve) => child.on('exit', resolve)));
  return { code, lines };
}

/** A program that watches what is above it and says so, below a shell, below a process of the given title. */
function watcherBelow(title: string): { top: ChildProcess; lines: AsyncIterator<string, undefined> } {
  const watcher = [
    `import { endWithAncestors } from ${JSON.stringify(join(ROOT, 'scripts', 'ancestors.mjs'))};`,
    `process.on('SIGTERM', () => { console.log('told to end'); process.exit(); });`,
    `setInterval(() => {}, 1000);`,
    `console.log(process.pid + ' ' + endWithAncestors());`,
  ].join('\n');
  const runner = `process.title = process.argv[1];
    require('node:child_process').spawn('sh', ['-c', '"$0" --input-type=module -e "$1"; true', process.execPath, process.argv[2]], { stdio: 'inherit' });`;
  const top = spawn(process.execPath, ['-e', runner, title, watcher], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(top);
  return { top, lines: createInterface(top.stdout)[Symbol.asyncIterator]() };
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const pid of watchers.splice(0)) process.kill(pid, 'SIGKILL');
});

describe('the command test', () => {
  it('ends with the counts and succeeds when all tests pass', async () => {
    const { code, lines } = await ended('test.mjs', 'test/tidy/packages.test.ts');
    expect(lines.at(-1)).toMatch(/^[1-9]\d* passed, 0 failed$/);
    expect(code).toBe(0);
  });

  it('fails, with counts, when there is nothing to run', async () => {
    const { code, lines } = await ended('test.mjs', 'no/such/test');
    expect(lines.at(-1)).toBe('0 passed, 1 failed');
    expect(code).toBe(1);
  });
});

describe('the commands that run programs', () => {
  it('pass on arguments and the exit code', async () => {
    expect((await ended('run.mjs', 'cli', '--help')).code).toBe(0);
    expect((await ended('run.mjs', 'cli', 'no-such-command')).code).toBe(2);
  });

  it('list campaigns with their purpose, and refuse one that does not exist', async () => {
    const listed = await ended('bench.mjs');
    expect(listed.code).toBe(0);
    expect(listed.lines.join('\n')).toMatch(/^ {2}decide +\S.+\.$/m);
    expect((await ended('bench.mjs', 'no-such-benchmark')).code).toBe(2);
  });
});

describe.runIf(process.platform === 'linux')('a start below npx and pnpm', () => {
  it('ends when one of them is killed', async () => {
    const { top, lines } = watcherBelow('npm exec pnpm');
    expect((await lines.next()).value).toMatch(/^\d+ .*npm exec[^,]*$/);
    top.kill('SIGKILL');
    expect((await lines.next()).value).toBe('told to end');
  });

  it('does not watch shells and programs of the user above', async () => {
    const { lines } = watcherBelow('my-terminal');
    const [pid = '', watched] = String((await lines.next()).value).split(' ');
    watchers.push(Number(pid));
    expect(watched).toBe('');
  });
});
