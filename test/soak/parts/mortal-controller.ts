// A controller's process that ends at one of its commits or publishes and is started again, as a service would: it, its operator, and
// the list of points that it came by. Never decides what is right afterwards.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  NanofleetError,
  toNanofleetError,
} from '@nanofleet/protocol';
import { FLEET, makeOperator } from '../../faults/parts/operator.ts';
import { type Running, startProgram } from '../../faults/parts/programs.ts';
import { publisher } from './crash-device.ts';
import type { Aim, Point } from './kill-point.ts';
import { ROOT } from './starter.ts';

const PRELOAD = new URL(`file://${join(ROOT, 'test', 'dist', 'soak', 'parts', 'kill-point.js')}`).href;
const LOOK_MS = 20;
const PATIENCE_MS = 180_000;
/** A controller that ends so often by itself is not started again. */
const ENDS_MAX = 10;
const NOT_YET = /"code":"(DATABASE|BROKER)_UNAVAILABLE"/;

/** What it runs on. */
export interface MortalOptions {
  readonly directory: string;
  readonly httpPort: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** A controller. */
export class MortalController {
  readonly #options: MortalOptions;
  readonly #points: string;
  #running: Running | null = null;
  #isClosed = false;
  #supervised: Promise<void> = Promise.resolve();
  /** Ends that nobody had planned. */
  readonly faults: string[] = [];
  /** Starts that found no database or broker within their time, as on a machine that is busy: whoever runs services tries again. */
  restarts = 0;

  constructor(options: MortalOptions) {
    this.#options = options;
    this.#points = join(options.directory, 'points.d');
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.httpPort}`;
  }

  /** Whether it has ended where it was to end. */
  get hasEnded(): boolean {
    return existsSync(join(this.#points, 'ended'));
  }

  /** Points that it came by since it was armed, up to its end. */
  get points(): Point[] {
    const path = join(this.#points, 'points');
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Point);
  }

  /** Counts points from now on, and ends the process at one of them. */
  arm(aim: Aim | null): void {
    writeFileSync(join(this.#points, 'armed'), JSON.stringify(aim));
  }

  /** Starts it, and starts it again whenever it has ended, until `close`; resolves at once. */
  start(): void {
    this.#supervised = this.#supervise();
  }

  /** Calls the operator API, again for as long as nobody answers. */
  async call<R extends ApiRoute>(route: R, call: ApiCall<R> = {}): Promise<ApiAnswer<R>> {
    return this.persist(() => this.once(route, call));
  }

  /** Calls it once. @throws TypeError when nobody answers */
  async once<R extends ApiRoute>(route: R, call: ApiCall<R> = {}): Promise<ApiAnswer<R>> {
    const path = join(this.#options.directory, 'admin-token');
    if (!existsSync(path)) throw new TypeError('it has not come so far as to make a token');
    const adminToken = readFileSync(path, 'utf8').trim();
    const nobody = { publisher: publisher.fingerprint, controller: publisher.fingerprint };
    return makeOperator({ url: this.url, adminToken, ...nobody }).call(route, call);
  }

  /** Does something again and again for as long as the controller is away. */
  async persist<T>(work: () => Promise<T>): Promise<T> {
    const untilMs = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        if (!isAway(thrown) || Date.now() > untilMs) throw thrown;
        await pause(LOOK_MS * 5);
      }
    }
  }

  /** Ends it for good: in order, or at once. */
  async close({ isOrderly }: { isOrderly: boolean }): Promise<void> {
    this.#isClosed = true;
    if (isOrderly) await this.#running?.stop();
    else await this.#running?.kill();
    await this.#supervised;
    rmSync(this.#points, { recursive: true, force: true });
  }

  async #supervise(): Promise<void> {
    while (!this.#isClosed && this.faults.length + this.restarts < ENDS_MAX) {
      const wasOver = this.hasEnded;
      try {
        this.#running = await startProgram(this.#program());
        // It may have been closed while this one started.
        if (this.#isClosed) await this.#running.kill();
        while (!this.#running.isOver() && !this.#isClosed) await pause(LOOK_MS);
        if (!this.#isClosed && (wasOver || !this.hasEnded)) this.#unplanned(this.#running.err());
      } catch (thrown) {
        const { message } = toNanofleetError(thrown);
        const isPlanned = this.#isClosed || (this.hasEnded && !wasOver);
        if (!isPlanned && NOT_YET.test(message)) this.restarts += 1;
        else if (!isPlanned) this.#unplanned(message);
      }
    }
  }

  #unplanned(what: string): void {
    this.faults.push(`the controller ended by itself: ${what.slice(-500)}`);
  }

  #program() {
    const { directory, environment, httpPort } = this.#options;
    const watched = { NODE_OPTIONS: `--import=${PRELOAD}`, NANOFLEET_KILL_POINT: this.#points };
    return {
      file: join(ROOT, 'controller', 'dist', 'main.js'),
      args: [
        ...[`--dir=${directory}`, `--fleet=${FLEET}`, `--http=${httpPort}`, '--mqtt=0'],
        ...['--exit-with-stdin', '--json', `--publisher-key=${join(directory, 'publisher.pub')}`],
      ],
      environment: { ...environment, ...(this.hasEnded ? {} : watched) },
    };
  }
}

/** Whether nobody answers now, or not yet. */
const isAway = (thrown: unknown): boolean =>
  thrown instanceof NanofleetError ? thrown.isRetryable : thrown instanceof TypeError;
