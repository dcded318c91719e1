// The command start as a process of its own, seen from outside: its lines, its JSON result, its children's pids. Used by
// the end-to-end tests and the kill campaign; it judges nothing.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TEST_CACHE } from '@nanofleet/controller/testing';

/** The workspace's root: this file runs from its source in tests and compiled in campaigns. */
export const ROOT =
  [join(import.meta.dirname, '..', '..', '..'), join(import.meta.dirname, '..', '..', '..', '..')].find(
    (path) => existsSync(join(path, 'pnpm-workspace.yaml')),
  ) ?? '.';

/** One scene as the result tells it. */
export interface SceneResult {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly fault?: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** The last line of `start --once`. */
export interface StartResult {
  readonly ok: boolean;
  readonly steps: readonly SceneResult[];
  readonly seconds?: number;
  readonly firstDecisionSeconds?: number;
  readonly restarts?: Readonly<Record<string, number>>;
  readonly loaded?: Readonly<Record<string, Readonly<Record<string, { version: string; digest: string }>>>>;
  readonly learned?: Readonly<Record<'newRecall' | 'oldLossPoints' | 'bytesPerParameter', number>>;
  readonly error?: { readonly code: string; readonly message: string };
  readonly [field: string]: unknown;
}

/** How a starter ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly result: StartResult | undefined;
  readonly stdout: readonly string[];
  readonly stderr: string;
}

/** A starter under way. */
export class Starter {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #directory: string;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<() => void>();
  #stderr = '';

  /**
   * @param program what to run: the starter itself, or the launcher that a user's command runs
   * @param environment beside the own one: the engines to use
   */
  constructor(options: {
    directory: string;
    args: readonly string[];
    program?: string;
    environment?: Readonly<Record<string, string>>;
  }) {
    this.#directory = options.directory;
    const program = options.program ?? join(ROOT, 'start', 'dist', 'main.js');
    const child = spawn(process.execPath, [program, '--dir', options.directory, ...options.args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NANOFLEET_CACHE: TEST_CACHE, NO_COLOR: '1', ...options.environment },
    });
    this.process = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      for (const watcher of this.#watchers) watcher();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        for (const watcher of this.#watchers) watcher();
        resolve({ code, signal, result: this.#result(), stdout: this.#lines, stderr: this.#stderr });
      });
    });
  }

  /** Resolves when a line of stdout fits, or the starter has ended; whether it fitted. */
  line(fits: (line: string) => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.#lines.some(fits);
        if (!found && this.process.exitCode === null && this.process.signalCode === null) return;
        this.#watchers.delete(look);
        resolve(found);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Pids of the children by name; empty while there is none. */
  pids(): Record<string, number> {
    try {
      const text = readFileSync(join(this.#directory, 'processes.json'), 'utf8');
      const { starter, ...children } = JSON.parse(text) as Record<string, number>;
      return starter === this.process.pid ? children : {};
    } catch {
      // Not there yet, or being written at this moment.
      return {};
    }
  }

  /** Kills a child with -9 if it really is one of this starter's; whether it did. */
  kill(name: string): boolean {
    const pid = this.pids()[name];
    if (pid === undefined || parentOf(pid) !== this.process.pid) return false;
    try {
      process.kill(pid, 'SIGKILL');
      return true;
    } catch {
      // It has gone by itself since it was looked at.
      return false;
    }
  }

  #result(): StartResult | undefined {
    try {
      return JSON.parse(this.#lines.at(-1) ?? '') as StartResult;
    } catch {
      // It ended before it had a result.
      return undefined;
    }
  }
}

/** Parent of a running process; undefined when there is none. A pid may belong to somebody else by now. */
export function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? undefined : Number(parent);
  } catch {
    // No such process.
    return undefined;
  }
}
