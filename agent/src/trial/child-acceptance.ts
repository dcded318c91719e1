/**
 * The real Acceptance: a process per trial, with a deadline and a bound on its memory. Owns its life, also when it crashes,
 * hangs, takes too much or is told to stop; never loads a model itself. Inputs go to it by a pipe, never by the disk.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type ErrorCode,
  NanofleetError,
  TRIAL_CPU_MS_MAX,
  TRIAL_DEADLINE_MS,
  TRIAL_HEAP_MB_MAX,
  TRIAL_RSS_BYTES_MAX,
} from '@nanofleet/protocol';
import type { EngineChoice } from '@nanofleet/runtime/node';
import type { Clock } from '@nanofleet/runtime/ports';
import type { Acceptance, AcceptanceTask } from './acceptance.ts';
import type { TrialFigures } from './trial-tally.ts';

/** What the process is told. */
export interface AcceptanceOrder {
  readonly task: AcceptanceTask;
  /** What runs the graphs. */
  readonly engine: EngineChoice;
}

/** What the process says at its end. */
export type AcceptanceOutcome =
  | { readonly figures: TrialFigures }
  | { readonly failed: { readonly code: ErrorCode; readonly message: string } };

/** What may be otherwise than for a device. */
export interface ChildAcceptanceOptions {
  readonly engine?: EngineChoice;
  /** Where the process's program lies, when not beside this one. */
  readonly program?: URL;
  readonly cpuMsMax?: number;
  readonly rssBytesMax?: number;
}

/** Memory is looked at so often: a bomb of 1 GB/s has taken 25 MB more by then. */
const LOOK_MS = 25;
const PAGE_BYTES = 4_096;
/** Linux counts the time of processes in hundredths of a second, whatever its own clock does. */
const TICK_MS = 10;

/** Beside the agent's one file lies `acceptance-worker.mjs`; a compiled tree has it as `.js`, also for tests, which run the source. */
const PROGRAMS: Readonly<Record<string, string>> = {
  mjs: './acceptance-worker.mjs',
  js: './acceptance-worker.js',
  ts: '../../dist/trial/acceptance-worker.js',
};
const programUrl = (): URL =>
  new URL(PROGRAMS[import.meta.url.split('.').at(-1) ?? ''] ?? '', import.meta.url);

/** Tries versions in processes. */
export const makeChildAcceptance = (clock: Clock, options: ChildAcceptanceOptions = {}): Acceptance => ({
  try: async (task, signal) => {
    signal.throwIfAborted();
    const { engine = 'auto', program = programUrl() } = options;
    const child = fork(fileURLToPath(program), {
      execArgv: [`--max-old-space-size=${TRIAL_HEAP_MB_MAX}`, '--max-semi-space-size=1', '--expose-gc'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const guard = new ChildGuard(child, clock, options);
    const stop = (): void => guard.end(null);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const outcome = await guard.outcome({ task, engine });
      signal.throwIfAborted();
      if ('figures' in outcome) return outcome.figures;
      throw new NanofleetError(outcome.failed.code, outcome.failed.message);
    } finally {
      signal.removeEventListener('abort', stop);
      await guard.close();
    }
  },
});

/** Watches one process until it has ended. */
class ChildGuard {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #exited: Promise<unknown>;
  readonly #deadlineMicros: number;
  readonly #options: ChildAcceptanceOptions;
  #reason: NanofleetError | null = null;
  #cancel: () => void = () => undefined;

  constructor(child: ChildProcess, clock: Clock, options: ChildAcceptanceOptions) {
    this.#child = child;
    this.#clock = clock;
    this.#options = options;
    this.#deadlineMicros = clock.monotonicMicros() + TRIAL_DEADLINE_MS * 1_000;
    this.#exited = Promise.race([once(child, 'exit'), once(child, 'error')]).catch(() => undefined);
    this.#look();
  }

  /** What the process says; rejects when it ends, or has to be ended, without saying anything. */
  outcome(order: AcceptanceOrder): Promise<AcceptanceOutcome> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      child.once('message', (message) => resolve(message as AcceptanceOutcome));
      child.once('error', (cause) => reject(notTried(cause)));
      child.once('exit', (code, signal) => reject(this.#reason ?? crashed(code, signal)));
      const send = (): boolean =>
        child.send(order, (cause) => {
          if (cause !== null) reject(this.#reason ?? crashed(null, null));
        });
      this.#clock.breathe().then(send).catch(reject);
    });
  }

  /** Ends the process for a reason. */
  end(reason: NanofleetError | null): void {
    this.#reason ??= reason;
    this.#child.kill('SIGKILL');
  }

  /** Resolves when the process is gone. */
  async close(): Promise<void> {
    this.#cancel();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #look(): void {
    this.#cancel = this.#clock.after(LOOK_MS, () => {
      const { cpuMsMax = TRIAL_CPU_MS_MAX, rssBytesMax = TRIAL_RSS_BYTES_MAX } = this.#options;
      const isLate = this.#clock.monotonicMicros() > this.#deadlineMicros;
      if (isLate || cpuMsOf(this.#child) > cpuMsMax) return this.end(tooLate(cpuMsMax));
      if (rssOf(this.#child) > rssBytesMax) return this.end(tooLarge(rssBytesMax));
      this.#look();
    });
  }
}

/** Milliseconds of the processor that a process has used; 0 where Linux does not tell, or when it is gone. */
const cpuMsOf = ({ pid }: ChildProcess): number => {
  try {
    // After the name, which may hold anything but ends with the last bracket: fields 3 to 52 of proc(5).
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return 0;
  }
};

/** Resident bytes of a process; 0 where Linux does not tell, or when it is gone. */
const rssOf = ({ pid }: ChildProcess): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
};

const crashed = (code: number | null, signal: string | null): NanofleetError =>
  new NanofleetError(
    'TRIAL_CRASHED',
    `the process that tried the new version ended with ${signal ?? `exit ${code}`}`,
  );

const tooLate = (cpuMs: number): NanofleetError =>
  new NanofleetError(
    'TRIAL_TIMEOUT',
    `the new version was not tried to the end within ${cpuMs} ms of the processor, or ${TRIAL_DEADLINE_MS} ms of the clock`,
  );

const tooLarge = (bytesMax: number): NanofleetError =>
  new NanofleetError(
    'TRIAL_MEMORY',
    `the process that tried the new version took more than ${(bytesMax / 1e6).toFixed(0)} MB`,
  );

/** The version is not to blame when there is no process to try it. */
const notTried = (cause: unknown): NanofleetError =>
  new NanofleetError('INTERNAL', `no process could be started to try the new version: ${String(cause)}`, {
    cause,
  });
