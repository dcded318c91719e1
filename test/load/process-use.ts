// What a process has used so far, from /proc: CPU time, bytes that went to storage, memory. Linux only.
import { readFileSync, writeFileSync } from 'node:fs';

/** Clock ticks per second of /proc; the same on every Linux that Node runs on. */
const TICKS_PER_S = 100;
const KIB = 1_024;

/** Use of one process. */
export interface ProcessUse {
  /** In user and kernel mode, all threads. */
  readonly cpuSeconds: number;
  /** Sent towards storage: whole pages of files (`write_bytes`). */
  readonly writtenBytes: number;
  readonly rssBytes: number;
  /** The part of it that is the process's own and no file's. */
  readonly anonymousBytes: number;
}

/** As of now. @throws Error when the process has ended */
export const useOf = (pid: number): ProcessUse => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const written = /^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1];
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return {
    cpuSeconds: ticks / TICKS_PER_S,
    writtenBytes: Number(written),
    rssBytes: kibibytes('VmRSS') * KIB,
    anonymousBytes: kibibytes('RssAnon') * KIB,
  };
};

/** The most memory that it has held since its start, or since `forgetPeak`, bytes. */
export const peakOf = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * KIB;
};

/** Begins the peak of a process anew (proc(5), clear_refs 5). */
export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');
