/**
 * The lock of a state directory: a file with pid and start time of its holder. PGlite has no lock of its own and two
 * openers corrupt it. A lock whose holder is gone, or whose pid now belongs to another process, is taken over.
 */
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

const LOCK_FILE = 'lock';
const ATTEMPTS = 5;
/** Field 22 of /proc/PID/stat, counted behind the command in parentheses (proc(5)). */
const START_TIME_FIELD = 22 - 3;

const holderSchema = z.object({ pid: z.int(), started: z.string().nullable() });
type Holder = z.infer<typeof holderSchema>;

/** A lock that is held. */
export interface DirectoryLock {
  release(): void;
}

const startOf = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD] ?? null;
  } catch {
    // No such process, or a system without /proc: then the pid alone decides.
    return null;
  }
};

const isAlive = ({ pid, started }: Holder): boolean => {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return false;
  }
  return started === null || startOf(pid) === started;
};

const readHolder = (path: string): Holder | null => {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Gone meanwhile, or torn by a power cut: nobody can be named as its holder.
    return null;
  }
};

const tryTake = (path: string, own: string): boolean => {
  try {
    linkSync(own, path);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  }
};

const setAside = (path: string, aside: string): void => {
  try {
    renameSync(path, aside);
    unlinkSync(aside);
  } catch {
    // Another starter was quicker; the next attempt sees its lock.
  }
};

/**
 * Takes the lock of an existing directory.
 * @throws NanofleetError STATE_IN_USE, naming the process that holds it.
 */
export const lockDirectory = (directory: string): DirectoryLock => {
  const path = join(directory, LOCK_FILE);
  const own = `${path}.${process.pid}`;
  const me: Holder = { pid: process.pid, started: startOf(process.pid) };
  writeFileSync(own, JSON.stringify(me));
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (tryTake(path, own)) return { release: () => releaseIfOwn(path, me) };
      const holder = readHolder(path);
      if (holder !== null && isAlive(holder)) throw inUse(directory, holder.pid);
      setAside(path, `${own}.stale`);
    }
    throw inUse(directory, 0);
  } finally {
    unlinkSync(own);
  }
};

const releaseIfOwn = (path: string, me: Holder): void => {
  const holder = readHolder(path);
  if (holder?.pid === me.pid && holder.started === me.started) unlinkSync(path);
};

const inUse = (directory: string, pid: number) =>
  new NanofleetError(
    'STATE_IN_USE',
    `${directory} is in use by process ${pid}; stop that controller, or give this one another --dir.`,
    { facts: { directory, pid } },
  );
