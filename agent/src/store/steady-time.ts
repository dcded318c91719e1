/**
 * Time that deadlines are kept in: milliseconds since 1970 as they were when the device first started, going on with time
 * that has really passed, whatever the machine's clock is set to meanwhile. Across a restart it goes on with the time since
 * the machine's boot, across a boot with what the clock says, less by how much that was ahead before. Never shown to anybody.
 */
import type { Clock, Disk, Log } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import type { Host } from '../ports/host.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';

/** Smaller changes are not written down: clocks are slewed all the time. */
const NOTICED_MS = 1_000;
/** How often a time is written down that a later boot cannot fall behind. */
const FLOOR_EVERY_MS = 3_600_000;

const schema = z.object({
  /** Of the machine; null where it has none. */
  boot: z.string().nullable(),
  /** This time less the time since that boot. */
  sinceBootMs: z.number(),
  /** The machine's clock less this time. */
  aheadMs: z.number(),
  /** This time has been. */
  floorMs: z.number(),
});

type Kept = z.infer<typeof schema>;

/** What it needs. */
export interface SteadyTimeOptions {
  readonly clock: Clock;
  readonly host: Host;
  readonly disk: Disk;
  readonly path: string;
  readonly log: Log;
}

/** The time in a file. */
export class SteadyTime {
  readonly #options: SteadyTimeOptions;
  #kept: Kept | null;
  /** This time less the monotonic one. */
  #sinceStartMs: number;

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(options: SteadyTimeOptions) {
    this.#options = options;
    this.#kept = readJsonFile(options.disk, options.path, schema);
    this.#sinceStartMs = this.#found() - this.#monotonicMs();
    this.note();
  }

  /** Milliseconds. */
  nowMs(): number {
    return this.#sinceStartMs + this.#monotonicMs();
  }

  /** Writes down what a restart needs, when it has changed. Called at an interval. */
  note(): void {
    const { clock, disk, host, log, path } = this.#options;
    this.#catchUp();
    const nowMs = this.nowMs();
    const boot = host.boot?.() ?? null;
    const next = {
      boot: boot?.id ?? null,
      sinceBootMs: nowMs - (boot?.uptimeMs ?? 0),
      aheadMs: clock.unixMs() - nowMs,
      floorMs: nowMs,
    };
    if (!this.#isNew(next)) return;
    this.#kept = next;
    try {
      writeJsonFile(disk, path, next);
    } catch (thrown) {
      // Without it deadlines are those of the machine's clock after the next start.
      log.warn('time-not-written', { why: String(thrown) });
    }
  }

  /** The monotonic clock may stand still while the machine sleeps; the time since its boot does not. */
  #catchUp(): void {
    const boot = this.#options.host.boot?.() ?? null;
    if (boot === null || this.#kept === null || this.#kept.boot !== boot.id) return;
    const asleepMs = this.#kept.sinceBootMs + boot.uptimeMs - this.nowMs();
    if (asleepMs > NOTICED_MS) this.#sinceStartMs += asleepMs;
  }

  #monotonicMs(): number {
    return this.#options.clock.monotonicMicros() / 1_000;
  }

  #found(): number {
    const { clock, host } = this.#options;
    const kept = this.#kept;
    if (kept === null) return clock.unixMs();
    const boot = host.boot?.() ?? null;
    const isSameBoot = boot !== null && boot.id === kept.boot;
    const found = isSameBoot ? kept.sinceBootMs + boot.uptimeMs : clock.unixMs() - kept.aheadMs;
    return Math.max(found, kept.floorMs);
  }

  #isNew(next: Kept): boolean {
    const kept = this.#kept;
    if (kept === null || kept.boot !== next.boot || next.floorMs - kept.floorMs > FLOOR_EVERY_MS) return true;
    const hasMoved = (one: number, other: number): boolean => Math.abs(one - other) > NOTICED_MS;
    return (
      hasMoved(kept.aheadMs, next.aheadMs) ||
      (next.boot !== null && hasMoved(kept.sinceBootMs, next.sinceBootMs))
    );
  }
}
