/**
 * Takes one line from what is accepted to what is asked for, through a probation, and back when that fails. Owns retries,
 * what a start begins with, and the report. A request never fails because of it: the version before serves until the
 * swap, and again when the new one is taken back.
 */

import { type LineReport, NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import type { Runner } from '@nanofleet/runtime';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import type { Random } from '@nanofleet/runtime/ports';
import { runningOf } from '../inference/model-lines.ts';
import { pauseUnlessAborted } from '../link/abortable-pause.ts';
import { backoffMs } from '../link/backoff.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import { registeredOf } from './blob-fetch.ts';
import { FormerVersion, type FormerVersionOptions } from './former-version.ts';
import { LineInstaller, type LineInstallerOptions, type Pursuit } from './line-installer.ts';
import { LineService, type LineServiceOptions } from './line-service.ts';
import { SlotBook, type SlotBookOptions } from './slot-book.ts';
import { SlotStore } from './slot-store.ts';
import {
  type Accepted,
  ask,
  beginStart,
  commit,
  endStart,
  fallBack,
  goBack,
  isRollback,
  isStartBroken,
  leave,
  onProbation,
  recover,
  refuse,
  type Wish,
  withdraw,
} from './slots.machine.ts';

/** What a line's slot needs. */
export type LineSlotOptions = LineServiceOptions &
  LineInstallerOptions &
  SlotBookOptions &
  FormerVersionOptions & {
    readonly random: Random;
    readonly directory: string;
    /** Whether a line that cannot be loaded ends the start: an agent on probation must not take it for the bundle's fault. */
    readonly isOnTrial?: boolean;
  };

/** A commit that could not be written waits so long for its next try. */
const COMMIT_AGAIN_MS = 1_000;

/** The slot of one line. */
export class LineSlot {
  readonly #options: LineSlotOptions;
  readonly #store: SlotStore;
  readonly #book: SlotBook;
  readonly #service: LineService;
  readonly #installer: LineInstaller;
  readonly #former: FormerVersion;
  #running: LineReport['running'] = null;
  #progress: LineReport['progress'];
  #installed: LineReport['installed'];
  #abort = new AbortController();
  #work: Promise<void> = Promise.resolve();
  /** What was asked for last in this process. */
  #wanted: string | null = null;
  /** Resolves when nothing is on probation any more. */
  #trial: Promise<void> = Promise.resolve();
  #endTrial = (): void => undefined;
  #isClosed = false;

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(options: LineSlotOptions) {
    this.#options = options;
    this.#store = new SlotStore(options.disk, options.directory);
    this.#book = new SlotBook(options, this.#store);
    this.#service = new LineService(options);
    this.#installer = new LineInstaller(options, {
      book: this.#book,
      store: this.#store,
      hold: () => options.hold(options.line),
      progress: (progress) => {
        this.#progress = progress;
        options.changed('step');
      },
    });
    this.#former = new FormerVersion(options, {
      state: () => this.#book.state,
      serving: () => this.#service.current,
      load: (digest) => this.#installer.load(digest),
    });
  }

  /** Whether nothing serves, nor is to. */
  get isEmpty(): boolean {
    return this.#book.state.accepted === null && onProbation(this.#book.state) === null;
  }

  /** Whether a wish is being worked on, or leaves something to do. */
  isBehind(wish: Wish): boolean {
    const { state } = this.#book;
    return state.attempt?.digest === wish.digest || ask(state, wish).attempt !== null;
  }

  /** What this line does, as messages say it. */
  report(): LineReport {
    const { accepted, asked, attempt, refused } = this.#book.state;
    const isRefused = refused !== null && asked === refused.digest;
    return {
      running: this.#running,
      step: attempt?.trial?.stage ?? attempt?.step ?? (isRefused ? 'refused' : 'settled'),
      committed: accepted?.digest ?? null,
      ...(attempt !== null && this.#progress !== undefined ? { progress: this.#progress } : {}),
      ...(refused === null ? {} : { refused }),
      ...(this.#installed?.digest === accepted?.digest && this.#installed
        ? { installed: this.#installed }
        : {}),
    };
  }

  /** Gives up what was not final, and puts the accepted version into service; the one before it when it cannot be loaded. */
  async start(): Promise<void> {
    this.#book.note(recover(this.#book.state, this.#book.facts()));
    await this.#startAccepted();
    const only = onProbation(this.#book.state);
    if (only !== null) await this.#startOnly(only);
    // A process may have ended between a step and the removal of what it has made useless.
    this.#tidy();
  }

  /**
   * Asks for a version; supersedes a wish that is being worked on. Its bytes come from the given source.
   * @param options.isShipped whether it came with the device, before which nothing ran that it could disturb
   */
  want(wish: Wish, blobs: BlobSource, { isShipped = false } = {}): void {
    const { state } = this.#book;
    this.#former.want(wish);
    if (this.#wanted === wish.digest && state.attempt?.digest === wish.digest) return;
    this.#wanted = wish.digest;
    // Going back is done at once. A next version waits for the end of a probation: it may be no good itself.
    if (state.accepted?.digest === wish.digest || isRollback(state, wish)) this.#takeBack(null);
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#work = this.#work.then(() =>
      abort.signal.aborted ? undefined : this.#pursue({ wish, blobs, isShipped, signal: abort.signal }),
    );
  }

  /**
   * The files of a bundle that serves, checked once more.
   * @throws NanofleetError of the first check that fails
   */
  open(digest: string): Promise<CheckedBundle> {
    return this.#installer.verify(digest);
  }

  /** Resolves when nothing is being worked on; a version may be on probation still. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Gives up what is being worked on, or on probation: the next start begins with what is accepted. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#abort.abort();
    this.#service.keep();
    this.#endTrial();
    await Promise.all([this.#work, this.#former.close()]);
    this.#book.note(leave(this.#book.state));
  }

  async #startAccepted(): Promise<void> {
    const { isOnTrial = false, line, log } = this.#options;
    for (let { accepted } = this.#book.state; accepted !== null; { accepted } = this.#book.state) {
      try {
        if (!isOnTrial) this.#beginStart(accepted);
        this.#serve(await this.#installer.load(accepted.digest));
        if (!isOnTrial) this.#book.note(endStart(this.#book.state));
        return;
      } catch (thrown) {
        log.warn('slot-not-loaded', { line, digest: accepted.digest, why: String(thrown) });
        if (isOnTrial) throw thrown;
        const refusal = this.#book.refusal(accepted.digest, toNanofleetError(thrown));
        this.#store.discard(accepted.digest);
        this.#book.note(fallBack(this.#book.state, refusal));
      }
    }
  }

  /** Counts the start before anything of the version runs. @throws NanofleetError when it has ended too many */
  #beginStart({ digest }: Accepted): void {
    const { state } = this.#book;
    if (!isStartBroken(state)) return this.#book.note(beginStart(state));
    const problem = `the agent has ended ${state.starts} times while it loaded ${digest.slice(0, 12)}`;
    throw new NanofleetError('TRIAL_BROKEN', problem);
  }

  /** The first version of a line, whose probation the last process did not end: there is no other one. */
  async #startOnly({ digest }: Accepted): Promise<void> {
    const { isOnTrial = false, line, log } = this.#options;
    try {
      this.#tryOut(await this.#installer.load(digest));
    } catch (thrown) {
      log.warn('slot-not-loaded', { line, digest, why: String(thrown) });
      if (isOnTrial) throw thrown;
      this.#store.discard(digest);
      this.#book.note(withdraw(this.#book.state));
    }
  }

  async #pursue(pursuit: Pursuit): Promise<void> {
    const { clock, line, log, random } = this.#options;
    // The first version of a line has nothing to go back to: it is committed, and nobody waits.
    if (this.#book.state.accepted !== null) await Promise.race([this.#trial, aborted(pursuit.signal)]);
    this.#progress = undefined;
    for (let failures = 1; !pursuit.signal.aborted; failures += 1) {
      try {
        return await this.#follow(pursuit);
      } catch (thrown) {
        const error = registeredOf(thrown);
        log.warn('slot-attempt-failed', { line, code: error.code, why: error.message });
        if (pursuit.signal.aborted || this.#giveUp(pursuit.wish, error)) return;
        await pauseUnlessAborted(clock, backoffMs(failures, random.share()), pursuit.signal);
      }
    }
  }

  async #follow(pursuit: Pursuit): Promise<void> {
    const { wish } = pursuit;
    if (onProbation(this.#book.state)?.digest === wish.digest) return;
    this.#commitOnly();
    if (isRollback(this.#book.state, wish)) return this.#goBack(wish);
    this.#book.persist(ask(this.#book.state, wish));
    if (this.#book.state.attempt === null) return;
    const runner = await this.#installer.bring(pursuit);
    if (pursuit.isShipped) this.#book.note(commit(this.#book.state));
    if (pursuit.isShipped) this.#serve(runner);
    else this.#tryOut(runner);
    this.#tidy();
  }

  /** By order, to what was committed before; it has proved itself once. */
  async #goBack({ digest }: Wish): Promise<void> {
    const runner = await this.#installer.load(digest);
    try {
      this.#book.persist(goBack(this.#book.state));
    } catch (thrown) {
      await runner.release();
      throw thrown;
    }
    this.#serve(runner);
    this.#tidy();
  }

  #serve(runner: Runner): void {
    this.#service.serve(runner);
    this.#runs(runner);
  }

  #tryOut(runner: Runner): void {
    this.#trial = new Promise((resolve) => {
      this.#endTrial = resolve;
    });
    this.#service.tryOut(runner, (error) => (error === null ? this.#commit() : this.#takeBack(error)));
    this.#runs(runner);
  }

  /** Something else is wanted while the first version of the line is on probation: it is what the line can go back to. */
  #commitOnly(): void {
    if (onProbation(this.#book.state) === null) return;
    this.#book.persist(commit(this.#book.state));
    this.#service.keep();
    this.#endTrial();
  }

  #commit(): void {
    if (this.#isClosed) return;
    const { digest = '' } = onProbation(this.#book.state) ?? {};
    this.#installed = this.#installer.taken(digest) ?? this.#installed;
    try {
      this.#book.persist(commit(this.#book.state));
    } catch (thrown) {
      // It serves, and is watched no more; only that it may stay is not written yet.
      this.#options.log.warn('slot-not-committed', { line: this.#options.line, why: String(thrown) });
      this.#options.clock.after(COMMIT_AGAIN_MS, () => this.#commit());
      return;
    }
    this.#service.keep();
    this.#former.settle();
    this.#endTrial();
    this.#tidy();
  }

  /** The version before serves again, at once; what is written down follows. @param error null when nothing is held against the new one */
  #takeBack(error: NanofleetError | null): void {
    const { state } = this.#book;
    const tried = onProbation(state);
    if (tried === null) return;
    this.#runs(this.#service.undo());
    this.#book.note(
      error === null ? withdraw(state) : refuse(state, this.#book.refusal(tried.digest, error)),
    );
    const { line, log } = this.#options;
    if (error !== null) log.warn('slot-taken-back', { line, code: error.code, why: error.message });
    // Where there was no room for both, the one before is loaded again.
    if (this.#running === null) this.#work = this.#work.then(() => this.#startAccepted());
    this.#endTrial();
    this.#tidy();
  }

  #runs(runner: Runner | null): void {
    this.#running = runner === null ? null : runningOf(runner);
    this.#former.settle();
    this.#options.changed('state');
  }

  /** Notes a refusal when trying again cannot help; returns whether that is so. */
  #giveUp({ digest }: Wish, error: NanofleetError): boolean {
    if (error.isRetryable) return false;
    this.#book.note(refuse(this.#book.state, this.#book.refusal(digest, error)));
    this.#tidy();
    return true;
  }

  /** Removes what no state has a use for; what a disk does not let go of is removed another time. */
  #tidy(): void {
    try {
      this.#store.tidy(this.#book.state);
      this.#options.content.tidy();
    } catch (thrown) {
      this.#options.log.warn('slot-not-tidied', { line: this.#options.line, why: String(thrown) });
    }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
