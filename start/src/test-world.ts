/**
 * Surroundings for tests: output is kept, time is the test's. Only tests use it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink, World } from './world.ts';

/** A world whose clock stands still but when `pass` moves it; waiting really waits. */
export function testWorld(options: { isTTY?: boolean } = {}) {
  const shown = { stdout: '', stderr: '' };
  let now = 1_000;
  const calls = new Set<() => void>();
  const sink = (name: 'stdout' | 'stderr'): Sink => ({
    write: (text) => {
      shown[name] += text;
    },
    isTTY: options.isTTY ?? false,
    columns: 80,
  });
  const world: World = {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    colours: false,
    now: () => now,
    ticks: () => now,
    sleep: (milliseconds) => sleep(milliseconds),
    deadline: () => new AbortController().signal,
    every: (_milliseconds, call) => {
      calls.add(call);
      return () => calls.delete(call);
    },
    environment: {},
  };
  const pass = (milliseconds: number): void => {
    now += milliseconds;
    for (const call of calls) call();
  };
  return { world, shown, pass };
}
