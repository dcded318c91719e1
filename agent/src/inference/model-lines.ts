/**
 * The running models, one per line, and their exchange: a new request takes the new runner at once, requests under way
 * end on the old one, which is released after the last of them. Never verifies or loads a bundle.
 */

import { assert, type LineId, NanofleetError, type Running } from '@nanofleet/protocol';
import type { Runner, SensorRunner, TextRunner } from '@nanofleet/runtime';
import type { Log } from '@nanofleet/runtime/ports';
import type { LineShape } from '../sinks/home-assistant-discovery.ts';

type Task = Runner['task'];
type RunnerOf<T extends Task> = Extract<Runner, { task: T }>;

interface InService {
  readonly runner: Runner;
  uses: number;
  isRetired: boolean;
}

/** A runner held for a while; give it back. */
export interface Lease<R extends Runner> {
  readonly runner: R;
  readonly giveBack: () => void;
}

/** What a line runs, as messages say it. */
export const runningOf = ({ version, releaseCounter, digest }: Runner): Running => ({
  version,
  releaseCounter,
  digest,
});

/** All lines that run. */
export class ModelLines {
  readonly #lines = new Map<string, InService>();
  /** Also of those that were replaced and are held: one of them may come back. */
  readonly #known = new WeakMap<Runner, InService>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Names of the lines that run. */
  names(): LineId[] {
    return [...this.#lines.values()].map(({ runner }) => runner.line);
  }

  /** What each line that runs can say. */
  shapes(): LineShape[] {
    return [...this.#lines.values()].map(({ runner }) => {
      const { line, task, version } = runner;
      const labels =
        runner.task === 'text-intent'
          ? runner.labels
          : runner.manifest.sensor.events.map(({ label }) => label);
      return { line, task, version, labels };
    });
  }

  /** The runner of a line; null when it runs none. */
  find(line: string): Runner | null {
    return this.#lines.get(line)?.runner ?? null;
  }

  /** Puts a runner in the place of its line's former one; also one that was replaced and is held. */
  exchange(runner: Runner): void {
    const old = this.#lines.get(runner.line);
    const next = this.#known.get(runner) ?? { runner, uses: 0, isRetired: false };
    next.isRetired = false;
    this.#known.set(runner, next);
    this.#lines.set(runner.line, next);
    if (old !== undefined && old !== next) this.#retire(old);
  }

  /** Holds what a line runs, also beyond its exchange; null when it runs nothing. */
  hold(line: string): Lease<Runner> | null {
    const held = this.#lines.get(line);
    return held === undefined ? null : this.#lease(held);
  }

  /** Takes a line out of service. */
  remove(line: string): void {
    const old = this.#lines.get(line);
    this.#lines.delete(line);
    if (old !== undefined) this.#retire(old);
  }

  /**
   * Holds the runner of a line, or of the only line of the task when none is named.
   * @throws NanofleetError LINE_UNKNOWN or LINE_TASK_WRONG
   */
  lease(task: 'text-intent', line: string | undefined): Lease<TextRunner>;
  lease(task: 'sensor-event', line: string | undefined): Lease<SensorRunner>;
  lease<T extends Task>(task: T, line: string | undefined): Lease<RunnerOf<T>> {
    const held = line === undefined ? this.#onlyOf(task) : this.#lines.get(line);
    if (held === undefined) throw this.#unknown(task, line);
    const { runner } = held;
    if (!isTask(runner, task)) {
      throw new NanofleetError('LINE_TASK_WRONG', `line ${runner.line} does ${runner.task}, not ${task}`);
    }
    return { ...this.#lease(held), runner };
  }

  /** Takes all lines out of service and resolves when their sessions are released. */
  async close(): Promise<void> {
    const all = [...this.#lines.values()];
    this.#lines.clear();
    for (const held of all) held.isRetired = true;
    await Promise.all(all.filter(({ uses }) => uses === 0).map(({ runner }) => this.#release(runner)));
  }

  #lease(held: InService): Lease<Runner> {
    held.uses += 1;
    return { runner: held.runner, giveBack: () => this.#giveBack(held) };
  }

  #onlyOf(task: Task): InService | undefined {
    const fitting = [...this.#lines.values()].filter(({ runner }) => runner.task === task);
    return fitting.length === 1 ? fitting[0] : undefined;
  }

  #unknown(task: Task, line: string | undefined): NanofleetError {
    const lines = this.names().join(', ') || 'none';
    const asked =
      line === undefined
        ? `no single line does ${task}`
        : `no line ${JSON.stringify(line.slice(0, 40))} runs`;
    return new NanofleetError(
      'LINE_UNKNOWN',
      `${asked}; lines that run: ${lines}. Name one of them as "line".`,
    );
  }

  #giveBack(held: InService): void {
    held.uses -= 1;
    assert(held.uses >= 0, 'a lease is given back once');
    if (held.isRetired && held.uses === 0) void this.#release(held.runner);
  }

  #retire(held: InService): void {
    held.isRetired = true;
    if (held.uses === 0) void this.#release(held.runner);
  }

  async #release(runner: Runner): Promise<void> {
    try {
      await runner.release();
    } catch (thrown) {
      this.#log.warn('session-not-released', { line: runner.line, why: String(thrown) });
    }
  }
}

const isTask = <T extends Task>(runner: Runner, task: T): runner is RunnerOf<T> => runner.task === task;
