// Every fault at every operation of a story: what went wrong, and how many there were. Samples nothing unless it is told to.
import type { MemoryDisk } from '@nanofleet/runtime/testing';
import { CrashDisk, FAULTS, type Fault } from './crash-disk.ts';
import type { History } from './crash-story.ts';

/** One thing that must not be. */
export interface CrashFailure {
  readonly history: string;
  readonly fault: Fault;
  readonly at: number;
  readonly operation: string;
  readonly what: string;
}

/** What came of one story. */
export interface CrashResult {
  readonly history: string;
  /** What the story does to the disk, in order. */
  readonly operations: readonly string[];
  readonly trials: number;
  readonly failures: readonly CrashFailure[];
}

/** Which of a story's operations are tried. */
export interface CrashOptions {
  /** Each so many-th one; 1 for all. */
  readonly every?: number;
  /** Told after each trial. */
  readonly tried?: () => void;
}

const NEVER = Number.POSITIVE_INFINITY;

/** Tries a story. */
export const tryHistory = async (
  history: History,
  { every = 1, tried = () => undefined }: CrashOptions = {},
): Promise<CrashResult> => {
  const before = await history.prepare();
  const { operations, faults } = await undisturbed(history, before);
  const failures: CrashFailure[] = faults.map((what) => ({
    ...{ history: history.name, fault: 'kill', at: operations.length, operation: 'the end', what },
  }));
  let trials = 0;
  for (const fault of FAULTS) {
    for (let at = 0; at < operations.length; at += every) {
      failures.push(...(await tryOne(history, before, { at, fault })));
      trials += 1;
      tried();
    }
  }
  return { history: history.name, operations, trials, failures };
};

/** The story without any fault: its operations, and what is wrong all the same. */
const undisturbed = async (history: History, before: MemoryDisk) => {
  const disk = new CrashDisk(before.afterKill(), { at: NEVER, fault: 'kill' });
  const judge = await history.play(disk);
  const faults = await judge(disk.survivor());
  return { operations: [...disk.operations], faults };
};

const tryOne = async (
  history: History,
  before: MemoryDisk,
  { at, fault }: { at: number; fault: Fault },
): Promise<CrashFailure[]> => {
  const disk = new CrashDisk(before.afterKill(), { at, fault });
  const judge = await history.play(disk);
  const faults = await judge(disk.survivor());
  const operation = disk.operations[at] ?? 'not reached';
  return faults.map((what) => ({ history: history.name, fault, at, operation, what }));
};
