// Runs tests on other versions of Node than this one, each taken from npm's package of Node for this platform.
// Options: --versions A,B (22,24), --paths A,B of tests (all), --cache DIR (in the system's temporary folder).
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import { ROOT } from './parts/starter.ts';

const run = promisify(execFile);
const FETCH_WITHIN_MS = 600_000;
const COUNTS = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/;

const { values: given } = parseArgs({
  options: {
    versions: { type: 'string', default: '22,24' },
    paths: { type: 'string', default: '' },
    cache: { type: 'string', default: join(tmpdir(), 'nanofleet-nodes') },
  },
});

/** The program of a version of Node, fetched once. */
async function nodeOf(version: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}@${version}`;
  const place = join(resolve(given.cache), name);
  const program = join(place, 'bin', 'node');
  await mkdir(dirname(place), { recursive: true });
  if ((await readdir(dirname(place))).includes(name)) return program;
  const cwd = await mkdtemp(join(dirname(place), 'fetching-'));
  const options = { cwd, timeout: FETCH_WITHIN_MS };
  const { stdout } = await run('npm', ['pack', '--silent', name], options);
  await run('tar', ['-xzf', stdout.trim()], options);
  await rename(join(cwd, 'package'), place);
  await rm(cwd, { recursive: true });
  return program;
}

/** Runs the tests on it; what it starts by name finds the same Node. */
async function testsOn(program: string, paths: readonly string[]): Promise<RegExpExecArray | null> {
  const path = [dirname(program), process.env['PATH'] ?? ''].join(delimiter);
  const child = spawn(program, [join(ROOT, 'scripts', 'test.mjs'), ...paths], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: path },
  });
  const over = once(child, 'close');
  let counted: RegExpExecArray | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    counted = COUNTS.exec(line) ?? counted;
  }
  await over;
  return counted;
}

async function main(): Promise<void> {
  const paths = given.paths.split(',').filter((path) => path !== '');
  const nodes = [];
  for (const asked of given.versions.split(',')) {
    const program = await nodeOf(asked);
    const { stdout } = await run(program, ['--version']);
    const [, passed = '0', failed = '1', skipped = '0'] = (await testsOn(program, paths)) ?? [];
    const counts = { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
    nodes.push({ version: stdout.trim(), ...counts });
  }
  const ok = nodes.every(({ failed, passed }) => failed === 0 && passed > 0);
  console.log(JSON.stringify({ soak: 'nodes', ok, paths, nodes }));
  process.exitCode = ok ? 0 : 1;
}

await main();
