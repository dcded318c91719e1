/**
 * The lock of a state directory: one process at a time. Holds pid and start time of its process, so that a lock whose
 * process is gone, or whose pid was given to another one since, is taken over. Never waits.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

const lockSchema = z.object({ pid: z.int().positive(), startedAt: z.string() });
type Lock = z.infer<typeof lockSchema>;

/** Position of the start time in /proc/{pid}/stat, counted after the command's closing parenthesis. */
const START_TIME_FIELD = 19;

/** Start time of a process in clock ticks since boot; empty where there is no /proc, null when it does not run. */
const startTimeOf = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD] ?? '';
  } catch {
    // No /proc on this system, or no such process: a signal of number 0 tells which.
    return isAlive(pid) ? '' : null;
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM';
  }
};

const readLock = (path: string): Lock | null => {
  try {
    return lockSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Missing, or half written by a process that died at that moment: nobody holds it.
    return null;
  }
};

const isHeld = ({ pid, startedAt }: Lock): boolean => {
  const now = startTimeOf(pid);
  return pid !== process.pid && now !== null && (now === '' || now === startedAt);
};

const inUse = (directory: string, pid: number): NanofleetError =>
  new NanofleetError(
    'STATE_IN_USE',
    `${directory} is in use by process ${pid}. End that process, or give another --dir.`,
    { facts: { path: directory, pid } },
  );

const writeExclusively = (path: string): void => {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeSync(descriptor, JSON.stringify({ pid: process.pid, startedAt: startTimeOf(process.pid) ?? '' }));
  } finally {
    closeSync(descriptor);
  }
};

const tryToWrite = (path: string): boolean => {
  try {
    writeExclusively(path);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  }
};

/**
 * Takes the lock of a directory; returns what gives it back.
 * @throws NanofleetError STATE_IN_USE
 */
export const lockState = (directory: string): (() => void) => {
  const path = join(directory, 'agent.lock');
  for (let isFirst = true; !tryToWrite(path); isFirst = false) {
    const found = readLock(path);
    if (found !== null && isHeld(found)) throw inUse(directory, found.pid);
    if (!isFirst) throw inUse(directory, found?.pid ?? 0);
    // Renamed away first: of two processes that find the same stale lock, one succeeds.
    const aside = `${path}.${process.pid}`;
    renameSync(path, aside);
    rmSync(aside, { force: true });
  }
  return () => rmSync(path, { force: true });
};
