// Behaviour of children: ready when they say so, started again when they die, ended by closing their stdin, killed when deaf.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Child, runToEnd } from './processes.ts';
import { testWorld } from './test-world.ts';

let directory = '';
const children: Child[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-child-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await child.stop(10);
  await rm(directory, { recursive: true, force: true });
});

async function childOf(source: string, onReady: (said: unknown) => void = () => undefined): Promise<Child> {
  const file = join(directory, 'program.mjs');
  await writeFile(file, source);
  const program = { name: 'program', file, args: [], log: join(directory, 'logs', 'program.log') };
  const watch = { onReady, onDeath: () => undefined };
  const child = new Child(testWorld().world, program, watch);
  children.push(child);
  return child;
}

const ENDS_WITH_STDIN = `process.stdin.resume(); process.stdin.on('end', () => process.exit(0));`;
const READY = `console.log('hello'); console.log(JSON.stringify({ ready: true, port: 7 }));`;
const isGone = (pid: number | null): boolean => {
  try {
    return pid !== null && !process.kill(pid, 0);
  } catch {
    // No such process.
    return true;
  }
};

describe('a child', () => {
  it('is ready when it says so in JSON, whatever it says before', async () => {
    const child = await childOf(`${READY}${ENDS_WITH_STDIN}`);
    expect(await child.start()).toMatchObject({ port: 7 });
  });

  it('ends when its stdin is closed', async () => {
    const child = await childOf(`${READY}${ENDS_WITH_STDIN}`);
    await child.start();
    const { pid } = child;
    await child.stop(20_000);
    expect(isGone(pid)).toBe(true);
    expect(child.restarts).toBe(0);
  });

  it('is killed when it does not end in time', async () => {
    const child = await childOf(`${READY}setInterval(() => {}, 1000);`);
    await child.start();
    const { pid } = child;
    await child.stop(10);
    expect(isGone(pid)).toBe(true);
  });

  it('is started again when it is killed, and says where it is now', async () => {
    const said: unknown[] = [];
    const child = await childOf(`${READY}${ENDS_WITH_STDIN}`, (ready) => said.push(ready));
    await child.start();
    const { pid } = child;
    process.kill(pid ?? 0, 'SIGKILL');
    await expect.poll(() => said).toHaveLength(2);
    expect(child.pid).not.toBe(pid);
    expect(child.restarts).toBe(1);
  });

  it('that ends before it is ready fails with the error that it reported, and leaves a log', async () => {
    const line = JSON.stringify({ level: 'error', code: 'STATE_CORRUPT', message: 'cannot be read' });
    const child = await childOf(`console.error(${JSON.stringify(line)}); process.exit(1);`);
    await expect(child.start()).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await expect
      .poll(() => readFile(join(directory, 'logs', 'program.log'), 'utf8'))
      .toContain('STATE_CORRUPT');
  });
});

describe('runToEnd', () => {
  it('gives exit code and both outputs', async () => {
    const file = join(directory, 'once.mjs');
    await writeFile(file, `console.log('out'); console.error('err'); process.exitCode = 3;`);
    const result = await runToEnd(testWorld().world, { name: 'once', file, args: [] });
    expect(result).toEqual({ code: 3, out: 'out\n', err: 'err\n' });
  });
});
