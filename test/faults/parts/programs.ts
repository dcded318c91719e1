/**
 * Programs of the clone as real processes: run to their end, or started, used and ended. Owns the processes that it
 * started; never decides what a program should have said.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

/** What a program left when it had ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A program that said that it is ready. */
export interface Running {
  /** Its readiness line. */
  readonly ready: unknown;
  readonly pid: number;
  /** Everything that it wrote to standard error so far. */
  err(): string;
  /** Whether it has ended. */
  isOver(): boolean;
  /** Closes its standard input, which it takes as the order to end. */
  stop(): Promise<Ended>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** What to run. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const readySchema = z.looseObject({ ready: z.literal(true) });

interface Spawned {
  readonly child: ChildProcess;
  readonly written: { out: string; err: string };
  readonly ended: Promise<Ended>;
}

const start = ({ file, args, environment }: Program): Spawned => {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const written = { out: '', err: '' };
  child.stdin.on('error', () => undefined);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.err += text;
  });
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, ...written }));
  return { child, written, ended };
};

/** Runs a program to its end; never throws for an exit code. */
export const runProgram = (program: Program): Promise<Ended> => {
  const { child, ended } = start(program);
  child.stdin?.end();
  return ended;
};

const readyLine = ({ child, ended }: Spawned): Promise<unknown> =>
  new Promise((resolve, reject) => {
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const said = readySchema.safeParse(line.startsWith('{') ? JSON.parse(line) : null);
        if (said.success) resolve(said.data);
      });
    }
    ended.then(
      ({ code, err }) => reject(new NanofleetError('INTERNAL', `the program ended with ${code}: ${err}`)),
      reject,
    );
  });

/** Starts a program and waits until it is ready; throws what it wrote when it ends instead. */
export const startProgram = async (program: Program): Promise<Running> => {
  const spawned = start(program);
  const { child, written, ended } = spawned;
  const ready = await readyLine(spawned);
  return {
    ready,
    pid: child.pid ?? 0,
    err: () => written.err,
    isOver: () => child.exitCode !== null || child.signalCode !== null,
    stop: () => {
      child.stdin?.end();
      return ended;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
};
