/**
 * Takes one line from what is accepted to what is asked for: fetch, verify, stage, accept, each step written down before
 * it is done. Owns retries and the report. A request never fails because of it: the old runner serves until the swap.
 */

import { type ErrorCode, type LineReport, type NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import type { Runner } from '@nanofleet/runtime';

import { type CheckedBundle, type loadRunner, verifyBundle } from '@nanofleet/runtime/node';
import type { Clock, Disk, Log, Random } from '@nanofleet/runtime/ports';

import { runningOf } from '../inference/model-lines.ts';
import { backoffMs } from '../link/backoff.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import { registeredOf } from './blob-fetch.ts';
import { fetchBundle } from './bundle-fetch.ts';
import { type BundleHere, bundleHere } from './delta-fetch.ts';
import { bundleSourceOn, SlotStore } from './slot-store.ts';
import {
  type Accepted,
  accept,
  advance,
  ask,
  fallBack,
  lowestCounter,
  type Refusal,
  recover,
  refuse,
  type SlotState,
  type Wish,
} from './slots.machine.ts';

/** What a line's slot needs. */
export interface LineSlotOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly line: string;
  readonly directory: string;
  readonly publisherFingerprints: readonly string[];
  /** Puts a runner into service. */
  readonly exchange: (runner: Runner) => void;
  /** Told when the report has changed. */
  readonly changed: () => void;
  /** Whether a line that cannot be loaded ends the start: an agent on probation must not take it for the bundle's fault. */
  readonly isOnTrial?: boolean;
  /** Turns a verified bundle into a runner that has reproduced its golden vectors. */
  readonly load: typeof loadRunner;
}

interface Pursuit {
  readonly wish: Wish;
  readonly blobs: BlobSource;
  readonly signal: AbortSignal;
}

/** What a bundle that was whole once shows when its files have changed on the disk. */
const DAMAGE: ReadonlySet<ErrorCode> = new Set([
  'DIGEST_MISMATCH',
  'BUNDLE_FILE_MISSING',
  'SIGNATURE_MISSING',
  'SIGNATURE_MALFORMED',
  'SIGNATURE_WRONG',
]);

/** The slot of one line. */
export class LineSlot {
  readonly #options: LineSlotOptions;
  readonly #store: SlotStore;
  #state: SlotState;
  #running: LineReport['running'] = null;
  #progress: LineReport['progress'];
  #abort = new AbortController();
  #work: Promise<void> = Promise.resolve();

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(options: LineSlotOptions) {
    this.#options = options;
    this.#store = new SlotStore(options.disk, options.directory);
    this.#state = recover(this.#store.read());
  }

  /** Whether some version has ever been accepted. */
  get isEmpty(): boolean {
    return this.#state.accepted === null;
  }

  /** What this line does, as messages say it. */
  report(): LineReport {
    const { attempt, refused } = this.#state;
    const isRefused = refused !== null && this.#state.asked === refused.digest;
    return {
      running: this.#running,
      step: attempt?.step ?? (isRefused ? 'refused' : 'settled'),
      ...(attempt !== null && this.#progress !== undefined ? { progress: this.#progress } : {}),
      ...(refused === null ? {} : { refused }),
    };
  }

  /** Puts the accepted version into service; falls back to the one before when it cannot be loaded. */
  async start(): Promise<void> {
    while (this.#state.accepted !== null) {
      const { accepted } = this.#state;
      try {
        this.#serve(await this.#load(accepted, 0));
        return;
      } catch (thrown) {
        this.#options.log.warn('slot-not-loaded', {
          line: this.#options.line,
          digest: accepted.digest,
          why: String(thrown),
        });
        if (this.#options.isOnTrial === true) throw thrown;
        this.#store.discard(accepted.digest);
        this.#persist(fallBack(this.#state, this.#refusal(accepted.digest, toNanofleetError(thrown))));
      }
    }
  }

  /** Asks for a version; supersedes a wish that is being worked on. Its bytes come from the given source. */
  want(wish: Wish, blobs: BlobSource): void {
    if (this.#state.attempt?.digest === wish.digest) return;
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#work = this.#work.then(() =>
      abort.signal.aborted ? undefined : this.#pursue({ wish, blobs, signal: abort.signal }),
    );
  }

  /**
   * The files of an accepted bundle, checked once more.
   * @throws NanofleetError of the first check that fails
   */
  open(digest: string): Promise<CheckedBundle> {
    const { disk, publisherFingerprints } = this.#options;
    const source = bundleSourceOn(disk, this.#store.bundleDirectory(digest));
    return verifyBundle(source, { publisherFingerprints, digest });
  }

  /** Resolves when nothing is being worked on. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Gives up what is being worked on; the state on disk stays for the next start. */
  close(): Promise<void> {
    this.#abort.abort();
    return this.#work;
  }

  async #pursue(pursuit: Pursuit): Promise<void> {
    const { wish, signal } = pursuit;
    this.#progress = undefined;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        this.#persist(ask(this.#state, wish));
        if (this.#state.attempt !== null) await this.#attempt(pursuit);
        return;
      } catch (thrown) {
        const error = registeredOf(thrown);
        this.#options.log.warn('slot-attempt-failed', {
          line: this.#options.line,
          code: error.code,
          why: error.message,
        });
        if (signal.aborted || this.#giveUp(wish, error)) return;
        await this.#pauseBefore(failures, signal);
      }
    }
  }

  async #attempt(pursuit: Pursuit): Promise<void> {
    const { wish } = pursuit;
    const lowest = lowestCounter(this.#state);
    if (this.#store.hasBundle(wish.digest) && (await this.#installFound(wish, lowest))) return;
    await this.#fetch(pursuit, lowest);
    await this.#install(wish, lowest);
  }

  async #fetch({ wish, blobs, signal }: Pursuit, lowest: number): Promise<void> {
    const { disk, line, publisherFingerprints } = this.#options;
    await fetchBundle({
      disk,
      blobs,
      line,
      wish,
      publisherFingerprints,
      signal,
      directory: this.#store.partDirectory(wish.digest),
      lowestCounter: lowest,
      here: this.#here(),
      progress: (progress) => this.#note(progress),
    });
    this.#store.finishPart(wish.digest);
  }

  /** The accepted bundle as it lies here; null when there is none, or nothing that can be read. */
  #here(): BundleHere | null {
    const { accepted } = this.#state;
    return accepted === null
      ? null
      : bundleHere(this.#options.disk, this.#store.bundleDirectory(accepted.digest));
  }

  /** Installs what lies here already; false when it has to be fetched again because the disk has changed it. */
  async #installFound(wish: Wish, lowest: number): Promise<boolean> {
    try {
      await this.#install(wish, lowest);
      return true;
    } catch (thrown) {
      const { code } = toNanofleetError(thrown);
      if (!DAMAGE.has(code)) throw thrown;
      this.#store.discard(wish.digest);
      this.#persist(advance(this.#state, 'fetching'));
      return false;
    }
  }

  async #install(wish: Wish, lowest: number): Promise<void> {
    this.#persist(advance(this.#state, 'verifying'));
    const runner = await this.#load(wish, lowest, () => this.#persist(advance(this.#state, 'staging')));
    const accepted: Accepted = {
      digest: runner.digest,
      version: runner.version,
      releaseCounter: runner.releaseCounter,
    };
    try {
      this.#persist(accept(this.#state, accepted));
    } catch (thrown) {
      await runner.release();
      throw thrown;
    }
    this.#serve(runner);
    this.#store.tidy(this.#state);
  }

  async #load(wish: Pick<Wish, 'digest'>, lowest: number, verified?: () => void): Promise<Runner> {
    const { disk, publisherFingerprints, load } = this.#options;
    const bundle = await verifyBundle(bundleSourceOn(disk, this.#store.bundleDirectory(wish.digest)), {
      publisherFingerprints,
      minReleaseCounter: lowest,
      digest: wish.digest,
    });
    verified?.();
    return load(bundle);
  }

  #serve(runner: Runner): void {
    this.#options.exchange(runner);
    this.#running = runningOf(runner);
    this.#options.changed();
  }

  #persist(state: SlotState): void {
    this.#store.write(state);
    this.#state = state;
    this.#options.changed();
  }

  /** Notes a refusal when trying again cannot help; returns whether that is so. */
  #giveUp(wish: Wish, error: NanofleetError): boolean {
    if (error.isRetryable) return false;
    try {
      if (this.#state.previous?.digest !== wish.digest) this.#store.discard(wish.digest);
      this.#persist(refuse(this.#state, this.#refusal(wish.digest, error)));
    } catch (thrown) {
      this.#options.log.warn('slot-not-written', { line: this.#options.line, why: String(thrown) });
    }
    return true;
  }

  #refusal(digest: Wish['digest'], { code, message }: NanofleetError): Refusal {
    return { digest, code, message, at: this.#options.clock.unixMs() };
  }

  async #pauseBefore(failures: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = clock.after(backoffMs(failures, random.share()), end);
      signal.addEventListener('abort', end);
    });
  }

  #note(progress: { bytesDone: number; bytesTotal: number }): void {
    this.#progress = progress;
    this.#options.changed();
  }
}
