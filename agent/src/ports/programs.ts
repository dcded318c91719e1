/**
 * Starts programs of this machine and waits for their end. Owns that no shell reads a word of it, that nothing of the
 * agent's own environment goes along, and that a program that is given up ends with all that it started.
 */
import { spawn } from 'node:child_process';

/** A program to run. */
export interface ProgramRequest {
  /** Absolute path. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Bytes of output, of both streams together, that are kept. */
  readonly outputBytesMax: number;
  /** Kills it. */
  readonly signal: AbortSignal;
}

/** How it ended. */
export interface ProgramEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program; rejects when it cannot be started. */
export type RunProgram = (request: ProgramRequest) => Promise<ProgramEnd>;

const kill = (pid: number | undefined): void => {
  if (pid === undefined) return;
  try {
    // The group: what the program has started holds its output open.
    process.kill(-pid, 'SIGKILL');
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')) throw thrown;
  }
};

/** The real one. */
export const runProgram: RunProgram = ({ program, environment, outputBytesMax, signal, ...given }) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, given.arguments, {
      env: environment,
      cwd: '/',
      detached: true,
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const pieces: Buffer[] = [];
    let bytes = 0;
    const keep = (piece: Buffer): void => {
      const kept = piece.subarray(0, outputBytesMax - bytes);
      bytes += kept.length;
      if (kept.length > 0) pieces.push(kept);
    };
    const end = (): void => kill(child.pid);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('exit', () => {
      // What it left behind may hold the output open; it is not waited for.
      child.stdout.destroy();
      child.stderr.destroy();
    });
    child.once('close', (code) => {
      signal.removeEventListener('abort', end);
      resolve({ code, output: Buffer.concat(pieces).toString('utf8') });
    });
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
  });
