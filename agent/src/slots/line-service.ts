/**
 * What serves a line, and the watch over a version that has just begun to: the one before stays loaded for that long, so
 * that taking it back is one step in memory. Owns what is held for a probation; what is written down is the slot's.
 */
import type { NanofleetError } from '@nanofleet/protocol';
import type { Runner } from '@nanofleet/runtime';
import type { Clock } from '@nanofleet/runtime/ports';
import type { Lease } from '../inference/model-lines.ts';
import type { Host } from '../ports/host.ts';
import type { LiveInputs } from '../trial/live-inputs.ts';
import { Probation, type ProbationLength } from '../trial/probation.ts';
import { hasRoomForTwo } from '../trial/room.ts';

/** What serving a line needs. */
export interface LineServiceOptions {
  readonly clock: Clock;
  readonly host: Pick<Host, 'memoryBytes' | 'rssBytes'>;
  readonly line: string;
  readonly inputs: LiveInputs;
  readonly probation: ProbationLength;
  /** Puts a runner into service, also one that was held since it served before. */
  readonly exchange: (runner: Runner) => void;
  /** Holds what serves the line; null when nothing does. */
  readonly hold: (line: string) => Lease<Runner> | null;
  /** Takes the line out of service. */
  readonly remove: (line: string) => void;
}

/** The service of one line. */
export class LineService {
  readonly #options: LineServiceOptions;
  #probation: Probation | null = null;
  /** What served before the version on probation. */
  #before: Lease<Runner> | null = null;
  #now: Lease<Runner> | null = null;

  constructor(options: LineServiceOptions) {
    this.#options = options;
  }

  /** What serves; null when nothing does. */
  get current(): Runner | null {
    const lease = this.#options.hold(this.#options.line);
    lease?.giveBack();
    return lease?.runner ?? null;
  }

  /** Puts a runner into service for good. */
  serve(runner: Runner): void {
    this.#options.exchange(runner);
  }

  /** Puts a runner into service and watches it. @param ended told once how the watch ended */
  tryOut(runner: Runner, ended: (error: NanofleetError | null) => void): void {
    const { clock, exchange, hold, host, inputs, line, probation } = this.#options;
    this.#before = hasRoomForTwo(host) ? hold(line) : null;
    exchange(runner);
    this.#now = hold(line);
    const running = this.#before?.runner ?? null;
    const costs = { candidate: runner.manifest.cost, running: running?.manifest.cost ?? null };
    const pair = { candidate: runner, running };
    this.#probation = new Probation({ clock, host, pair, costs, length: probation, ended });
    inputs.watch(line, this.#probation);
  }

  /** The version before serves again; null when it is not loaded any more. */
  undo(): Runner | null {
    const runner = this.#before?.runner ?? null;
    if (runner === null) this.#options.remove(this.#options.line);
    else this.#options.exchange(runner);
    this.keep();
    return runner;
  }

  /** Ends the watch; what serves goes on. */
  keep(): void {
    const held = [this.#before, this.#now];
    this.#options.inputs.watch(this.#options.line, null);
    // Nothing is waited for: a version that hangs on an input would never let its line go on.
    void this.#probation?.stop().then(() => {
      for (const lease of held) lease?.giveBack();
    });
    [this.#probation, this.#before, this.#now] = [null, null, null];
  }
}
