/**
 * One start per state directory: a lock file with pid and start time of its holder. A lock whose holder is gone, or
 * whose pid belongs to another process now, is taken over. Never waits.
 */
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

const LOCK_FILE = 'start.lock';
const TRIES = 5;
/** Field 22 of /proc/PID/stat, counted behind the command in parentheses (proc(5)). */
const START_TIME_FIELD = 19;

const holderSchema = z.object({ pid: z.int().positive(), started: z.string().nullable() });
type Holder = z.infer<typeof holderSchema>;

/**
 * Takes the lock; the returned function gives it back.
 * @throws NanofleetError STATE_IN_USE, naming the process that holds it.
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, LOCK_FILE);
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Holder), {
    mode: 0o600,
  });
  try {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (tryLink(own, path)) return () => unlinkSync(path);
      const holder = readHolder(path);
      if (holder !== null && isAlive(holder)) throw inUse(directory, holder.pid);
      takeAway(path, `${own}.stale`);
    }
    throw inUse(directory, 0);
  } finally {
    unlinkSync(own);
  }
}

const inUse = (directory: string, pid: number): NanofleetError => {
  const holder = pid === 0 ? 'other processes that come and go' : `process ${pid}`;
  const problem = `${directory} is in use by another start (${holder}). End that one, or give --dir another directory.`;
  return new NanofleetError('STATE_IN_USE', problem, { facts: { directory, pid } });
};

const hasCode = (thrown: unknown, code: string): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === code;

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'EEXIST')) return false;
    throw thrown;
  }
}

/** Renaming first means that of two starts that see the same stale lock only one removes it. */
function takeAway(path: string, aside: string): void {
  try {
    renameSync(path, aside);
    unlinkSync(aside);
  } catch (thrown) {
    if (!hasCode(thrown, 'ENOENT')) throw thrown;
  }
}

function readHolder(path: string): Holder | null {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Gone meanwhile, or torn by a power cut: nobody can be named as its holder.
    return null;
  }
}

function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD] ?? null;
  } catch {
    // No such process, or a system without /proc: then the pid alone decides.
    return null;
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if (hasCode(thrown, 'ESRCH')) return false;
  }
  return started === null || startOf(pid) === started;
}
