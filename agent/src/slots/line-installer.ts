/**
 * Brings one bundle from its source to a runner that may be tried in service: fetch, verify, stage, accept, each step
 * written down before it is done. Owns the files of the bundle; never puts anything into service.
 */
import {
  checkStatement,
  type Digest,
  type ErrorCode,
  type LineReport,
  type ModelTarget,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Runner } from '@nanofleet/runtime';
import { type loadRunner, type VerifiedBundle, verifyBundle } from '@nanofleet/runtime/node';
import type { Clock, Disk } from '@nanofleet/runtime/ports';
import type { Lease } from '../inference/model-lines.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Acceptance, AcceptanceTask } from '../trial/acceptance.ts';
import { judgeTrial } from '../trial/judge-trial.plan.ts';
import type { LiveInputs } from '../trial/live-inputs.ts';
import { fetchBundle } from './bundle-fetch.ts';
import type { ContentStore } from './content-store.ts';
import { type BundleHere, bundleHere } from './delta-fetch.ts';
import { MeasuredBlobs } from './measured-blobs.ts';
import type { SlotBook } from './slot-book.ts';
import { bundleSourceOn, type SlotStore } from './slot-store.ts';
import { advance, lowestCounter, type TrialStage, tryOut, type Wish } from './slots.machine.ts';

/** What is pursued, from where, and until when. */
export interface Pursuit {
  readonly wish: Wish;
  readonly blobs: BlobSource;
  readonly signal: AbortSignal;
  /** Whether it came with the device. */
  readonly isShipped: boolean;
}

/** The same with what the publishers say of it. */
interface AllowedPursuit extends Pursuit {
  readonly target: ModelTarget | null;
}

/** What installing needs. */
export interface LineInstallerOptions {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly line: string;
  readonly publisherFingerprints: () => readonly string[];
  /**
   * What the publishers say of a release; null where they say nothing of any. Throws when they have not released it so.
   * Left out: nobody is asked.
   */
  readonly allow?: (wanted: Wish & { readonly line: string }) => Promise<ModelTarget | null>;
  /** Turns a verified bundle into a runner that has reproduced its golden vectors. */
  readonly load: typeof loadRunner;
  readonly acceptance: Acceptance;
  /** Files of all lines. */
  readonly content: ContentStore;
  readonly inputs: LiveInputs;
}

/** The parts of the line that installing reads and writes. */
interface Neighbours {
  readonly book: SlotBook;
  readonly store: SlotStore;
  /** Holds what serves the line; null when nothing does. */
  readonly hold: () => Lease<Runner> | null;
  readonly progress: (progress: NonNullable<LineReport['progress']>) => void;
}

/** What a bundle that was whole once shows when its files have changed on the disk. */
const DAMAGE: ReadonlySet<ErrorCode> = new Set([
  'DIGEST_MISMATCH',
  'BUNDLE_FILE_MISSING',
  'SIGNATURE_MISSING',
  'SIGNATURE_MALFORMED',
  'SIGNATURE_WRONG',
]);

/** Installs bundles of one line. */
export class LineInstaller {
  readonly #options: LineInstallerOptions;
  readonly #around: Neighbours;
  /** What was fetched last, and when it was there. */
  #fetched: { digest: string; bytes: number; fetchMs: number; atMicros: number } | null = null;

  constructor(options: LineInstallerOptions, around: Neighbours) {
    this.#options = options;
    this.#around = around;
  }

  /**
   * The runner of what is pursued, on probation by the book.
   * @throws NanofleetError of what stands in the way; then nothing stays open
   */
  async bring(wanted: Pursuit): Promise<Runner> {
    const pursuit = { ...wanted, target: await this.#targetOf(wanted) };
    const { digest } = pursuit.wish;
    const found = this.#around.store.hasBundle(digest) ? await this.#installFound(pursuit) : null;
    if (found !== null) return found;
    await this.#fetch(pursuit);
    return this.#install(pursuit);
  }

  /** What it took to bring a bundle here and to have it settle, until now; undefined where it was not fetched by this process. */
  taken(digest: string): LineReport['installed'] {
    const fetched = this.#fetched;
    if (fetched?.digest !== digest) return undefined;
    const { atMicros, bytes, fetchMs } = fetched;
    const settleMs = (this.#options.clock.monotonicMicros() - atMicros) / 1_000;
    return { digest: fetched.digest as Digest, bytes, fetchMs, settleMs };
  }

  /**
   * A bundle that lies here, checked once more.
   * @throws NanofleetError of the first check that fails
   */
  verify(digest: string, lowest = 0): Promise<VerifiedBundle> {
    const source = bundleSourceOn(this.#options.disk, this.#around.store.bundleDirectory(digest));
    const publisherFingerprints = this.#options.publisherFingerprints();
    return verifyBundle(source, { publisherFingerprints, minReleaseCounter: lowest, digest });
  }

  /** The runner of a bundle that lies here; @throws NanofleetError of verifying or loading it */
  async load(digest: string, lowest = 0): Promise<Runner> {
    return this.#options.load(await this.verify(digest, lowest));
  }

  /** What came with the device is there before any controller, and nobody can have changed it who does not have the device. */
  async #targetOf({ isShipped, wish }: Pursuit): Promise<ModelTarget | null> {
    const { allow, line } = this.#options;
    return isShipped || allow === undefined ? null : allow({ ...wish, line });
  }

  async #fetch({ wish, blobs, signal }: Pursuit): Promise<void> {
    const { clock, content, disk, line } = this.#options;
    const publisherFingerprints = this.#options.publisherFingerprints();
    const { book, progress, store } = this.#around;
    const { accepted } = book.state;
    const measured = new MeasuredBlobs(blobs, clock);
    await fetchBundle({
      ...{ blobs: measured, content, disk, line, progress, publisherFingerprints, signal, wish },
      directory: store.partDirectory(wish.digest),
      lowestCounter: lowestCounter(book.state),
      here: accepted === null ? null : this.#here(accepted.digest),
    });
    await clock.breathe();
    store.finishPart(wish.digest);
    this.#fetched = { digest: wish.digest, ...measured.taken, atMicros: clock.monotonicMicros() };
  }

  /** The accepted bundle; what of it is in memory need not be read. */
  #here(digest: string): BundleHere | null {
    const { hold, store } = this.#around;
    const directory = store.bundleDirectory(digest);
    const held = hold();
    held?.giveBack();
    if (held?.runner.digest !== digest) return bundleHere(this.#options.disk, directory);
    return { directory, files: held.runner.manifest.files };
  }

  /** Installs what lies here already; null when it has to be fetched again because the disk has changed it. */
  async #installFound(pursuit: AllowedPursuit): Promise<Runner | null> {
    const { book, store } = this.#around;
    try {
      return await this.#install(pursuit);
    } catch (thrown) {
      if (!DAMAGE.has(toNanofleetError(thrown).code)) throw thrown;
      store.discard(pursuit.wish.digest);
      book.persist(advance(book.state, 'fetching'));
      return null;
    }
  }

  async #install({ isShipped, signal, target, wish: { digest } }: AllowedPursuit): Promise<Runner> {
    const { book } = this.#around;
    const { clock } = this.#options;
    const lowest = lowestCounter(book.state);
    book.persist(advance(book.state, 'verifying'));
    await clock.breathe();
    const bundle = await this.verify(digest, lowest);
    if (target !== null) checkStatement(bundle.manifest, target);
    await clock.breathe();
    this.#enter('accepting', bundle);
    await clock.breathe();
    const tried = isShipped ? null : await this.#accept(bundle, signal);
    // From the disk once more, unless it was loaded in this process from what was verified.
    const runner = tried ?? (await this.load(digest, lowest));
    await clock.breathe();
    try {
      signal.throwIfAborted();
      this.#enter('probation', bundle);
      return runner;
    } catch (thrown) {
      await runner.release();
      throw thrown;
    }
  }

  #enter(stage: TrialStage, { manifest }: VerifiedBundle): void {
    const { book } = this.#around;
    const { boot } = book.facts();
    book.persist(tryOut(advance(book.state, 'staging'), { stage, version: manifest.version, boot }));
  }

  /** Tries a version; its runner where the trial leaves one. @throws NanofleetError of what speaks against it */
  async #accept(verified: VerifiedBundle, signal: AbortSignal): Promise<Runner | null> {
    const held = this.#around.hold();
    const serving = held?.runner ?? null;
    const handed: Runner[] = [];
    const handOver = (candidate: Runner): number => handed.push(candidate);
    try {
      const { acceptance } = this.#options;
      const figures = await acceptance.try(this.#taskOf(verified), signal, { verified, serving, handOver });
      const running = serving?.manifest.cost ?? null;
      const error = judgeTrial(figures, { candidate: verified.manifest.cost, running });
      if (error !== null) throw error;
      return handed[0] ?? null;
    } catch (thrown) {
      await handed[0]?.release();
      throw thrown;
    } finally {
      held?.giveBack();
    }
  }

  #taskOf({ digest }: VerifiedBundle): AcceptanceTask {
    const { inputs, line } = this.#options;
    const { book, store } = this.#around;
    const { accepted } = book.state;
    const place = (of: string) => ({ digest: of, directory: store.bundleDirectory(of) });
    return {
      candidate: place(digest),
      running: accepted === null ? null : place(accepted.digest),
      publisherFingerprints: this.#options.publisherFingerprints(),
      inputs: inputs.of(line),
    };
  }
}
