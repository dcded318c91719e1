/**
 * The children of a start as real processes: spawned with a pipe as stdin (they end when it closes, also when the
 * starter is killed), ready when they say so in one JSON line, started again when they die. Knows nothing of fleets.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { isErrorCode, NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';
import type { World } from './world.ts';

/** A child that is not ready by then has failed. */
export const READY_WITHIN_MS = 60_000;
const RESTARTS_MAX = 20;
const RESTART_AFTER_MS = 100;
const LOG_LINES_KEPT = 20;

const readySchema = z.looseObject({ ready: z.literal(true) });
/** What a child said about itself when it was ready. */
export type Ready = z.infer<typeof readySchema>;

/** What to run. */
export interface Program {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Where its stderr goes. */
  readonly log: string;
  /** What must be set before its process begins. */
  readonly launch?: {
    readonly flags: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
  };
}

/** Whom a child tells about itself. */
export interface Watch {
  onReady(ready: Ready, child: Child): void;
  /** It died, not by order, and is started again. */
  onDeath(child: Child, how: string): void;
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

/** A long-lived child that is kept running until it is stopped. */
export class Child {
  readonly name: string;
  readonly #world: World;
  readonly #program: Program;
  readonly #watch: Watch;
  #process: ChildProcess | null = null;
  #stopping = false;
  #restarts = 0;
  #lastLines: string[] = [];

  constructor(world: World, program: Program, watch: Watch) {
    this.name = program.name;
    this.#world = world;
    this.#program = program;
    this.#watch = watch;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** How often it died and was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Starts it and waits until it is ready.
   * @throws NanofleetError what it reported as its reason, when it ends instead.
   */
  async start(): Promise<Ready> {
    const { process: child, ready } = this.#spawn();
    this.#process = child;
    try {
      const said = await ready;
      this.#watch.onReady(said, this);
      child.once('exit', () => void this.#again());
      if (hasEnded(child)) void this.#again();
      return said;
    } catch (thrown) {
      // Killed by somebody before it was ready says nothing about the program; an exit code does.
      if (child.signalCode === null || !this.#countRestart()) throw thrown;
      return this.start();
    }
  }

  /** Closes its stdin, which it takes as the order to end; kills it when it does not within the time. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    const child = this.#process;
    if (child === null || hasEnded(child)) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin?.end();
    const late = this.#world.sleep(withinMs).then(() => 'late' as const);
    if ((await Promise.race([gone, late])) === 'late') child.kill('SIGKILL');
    await gone;
  }

  async #again(): Promise<void> {
    if (!this.#countRestart()) return;
    await this.#world.sleep(RESTART_AFTER_MS);
    if (this.#stopping) return;
    // It did not get ready: it has written why into its log, and is tried again until the bound.
    await this.start().catch(() => this.#again());
  }

  /** Whether it may be started once more. */
  #countRestart(): boolean {
    if (this.#stopping || this.#restarts >= RESTARTS_MAX) return false;
    this.#restarts += 1;
    this.#watch.onDeath(this, this.#process?.signalCode ?? `exit code ${this.#process?.exitCode ?? '?'}`);
    return true;
  }

  #spawn(): { process: ChildProcess; ready: Promise<Ready> } {
    const { file, args, launch, log } = this.#program;
    mkdirSync(dirname(log), { recursive: true });
    const sink = createWriteStream(log, { flags: 'a', mode: 0o600 });
    const flags = launch?.flags ?? [];
    const child = spawn(process.execPath, [...flags, '--enable-source-maps', file, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...this.#world.environment, ...launch?.environment },
      // A group of its own: Ctrl-C at the terminal reaches the starter alone, which ends the children in order.
      detached: true,
    });
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => {
      this.#remember(chunk.toString('utf8'));
      sink.write(chunk);
    });
    child.once('close', () => sink.end());
    return { process: child, ready: this.#readyOf(child) };
  }

  #remember(text: string): void {
    this.#lastLines.push(...text.split('\n').filter((line) => line !== ''));
    this.#lastLines = this.#lastLines.slice(-LOG_LINES_KEPT);
  }

  #readyOf(child: ChildProcess): Promise<Ready> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(this.#failure(why));
      child.once('error', (error) => fail(error.message));
      child.once('close', (code, signal) => fail(`it ended with ${signal ?? `exit code ${code}`}`));
      const late = () => fail(`it was not ready within ${READY_WITHIN_MS / 1000} s`);
      this.#world.deadline(READY_WITHIN_MS).addEventListener('abort', late, { once: true });
      if (child.stdout === null) return;
      createInterface({ input: child.stdout }).on('line', (line) => {
        const said = readySchema.safeParse(jsonOf(line));
        if (said.success) resolve(said.data);
      });
    });
  }

  #failure(why: string): NanofleetError {
    const reported = this.#lastLines.map(reportedError).findLast((error) => error !== undefined);
    const detail = reported?.message ?? this.#lastLines.at(-1)?.slice(0, 400) ?? 'it wrote nothing';
    const problem = `${this.#program.name} did not start: ${why}: ${detail} (log: ${this.#program.log})`;
    return new NanofleetError(reported?.code ?? 'INTERNAL', problem);
  }
}

/** A program that runs to its end; its result. Never throws for an exit code. */
export async function runToEnd(
  world: World,
  program: Omit<Program, 'log' | 'launch'>,
): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [program.file, ...program.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: world.environment,
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString('utf8');
  });
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (exit) => resolve(exit ?? 137));
  });
  return { code, out, err };
}

/** The value of a JSON line, or undefined. */
export function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Not JSON: not a message to us.
    return undefined;
  }
}

const errorLineSchema = z
  .union([
    z.object({ error: z.object({ code: z.string(), message: z.string() }) }).transform(({ error }) => error),
    z.looseObject({ code: z.string(), message: z.string() }),
    z
      .looseObject({ code: z.string(), msg: z.string() })
      .transform(({ code, msg }) => ({ code, message: msg })),
  ])
  .transform(({ code, message }) => (isErrorCode(code) ? { code, message } : undefined));

/** The error that a log line of a child reports, if it reports one. */
function reportedError(line: string) {
  const parsed = errorLineSchema.safeParse(jsonOf(line));
  return parsed.success ? parsed.data : undefined;
}
