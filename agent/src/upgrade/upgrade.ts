/**
 * Takes the agent from the release that runs to the one that is desired: fetch, check, stage, and end, so that the loader
 * starts it; and commits it once it has proved itself. Owns retries and the report. Decisions go on until the end.
 */
import { type AgentReport, type DesiredAgent, NanofleetError } from '@nanofleet/protocol';
import type { Clock, Disk, Log, Random } from '@nanofleet/runtime/ports';
import { pauseUnlessAborted } from '../link/abortable-pause.ts';
import { backoffMs } from '../link/backoff.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import { registeredOf } from '../slots/blob-fetch.ts';
import { type BootState, checkNewer, commit, isRefusing, isWanted, refuse, stage } from './boot-state.ts';
import { fetchRelease, type Surroundings } from './release-fetch.ts';
import { ReleaseStore } from './release-store.ts';

/** Exit code that asks the loader for the release that was staged; part of the contract with it. */
export const STAGED_EXIT_CODE = 86;

/** How the agent was started, and how it ends to be started as another. */
export interface LoaderTie {
  /** What the loader knows. */
  readonly version: number;
  /** The release that it has started; null: the installed agent. */
  readonly release: string | null;
  /** Ends the agent in order, with STAGED_EXIT_CODE. */
  readonly restart: () => void;
}

/** What upgrades need. */
export interface UpgradeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly blobs: BlobSource;
  /** Directory of the agent's releases. */
  readonly directory: string;
  readonly publisherFingerprints: () => readonly string[];
  /** Throws when the publishers have not released it; left out: nobody is asked. */
  readonly allow?: (release: { readonly digest: string; readonly version: string }) => Promise<void>;
  readonly surroundings: Omit<Surroundings, 'loader'>;
  /** Left out for an agent that no loader has started: it stays what it is. */
  readonly loader?: LoaderTie | undefined;
  /** Told when the report has changed. */
  readonly changed: () => void;
}

/** The upgrades of one agent. */
export class Upgrade {
  readonly #options: UpgradeOptions;
  readonly #store: ReleaseStore;
  #state: BootState;
  #wish: DesiredAgent | null = null;
  #step: AgentReport['step'] = 'settled';
  #progress: AgentReport['progress'];
  #abort = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#store = new ReleaseStore(options.disk, options.directory);
    this.#state = this.#store.read(options.log);
  }

  /** Whether this very process has still to prove itself. */
  get isOnTrial(): boolean {
    const { loader } = this.#options;
    return this.#state.trial !== null && this.#state.trial.digest === loader?.release;
  }

  /** What the agent does about itself, as messages say it. */
  report(): AgentReport {
    const { loader, surroundings } = this.#options;
    const { refused } = this.#state;
    const isRefused = this.#wish !== null && isRefusing(this.#state, this.#wish);
    const settled = this.#step === 'settled' && isRefused ? 'refused' : this.#step;
    return {
      version: surroundings.running,
      digest: (loader?.release ?? null) as AgentReport['digest'],
      step: this.isOnTrial ? 'probation' : settled,
      ...(this.#step === 'fetching' && this.#progress !== undefined ? { progress: this.#progress } : {}),
      ...(refused === null ? {} : { refused: withoutOrder(refused) }),
    };
  }

  /** Asks for a release; supersedes a wish that is being worked on. On probation it waits until that is over. */
  want(wish: DesiredAgent): void {
    if (this.#wish?.digest === wish.digest && this.#wish.order === wish.order) return;
    this.#wish = wish;
    if (!this.isOnTrial) this.#begin(wish);
  }

  /** The agent has loaded its models, is connected and has beaten: it is what runs from now on. */
  proven(): void {
    if (!this.isOnTrial) return;
    try {
      this.#persist(commit(this.#state));
    } catch (thrown) {
      // The next beat tries again; the loader gives the release up if none succeeds.
      this.#options.log.warn('agent-not-committed', { why: String(thrown) });
      return;
    }
    this.#options.log.info('agent-committed', { version: this.#options.surroundings.running });
    if (this.#wish !== null) this.#begin(this.#wish);
  }

  /** Resolves when nothing is being worked on. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Gives up what is being worked on; what was fetched stays for the next start. */
  close(): Promise<void> {
    this.#abort.abort();
    return this.#work;
  }

  #begin(wish: DesiredAgent): void {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#work = this.#work.then(() => (abort.signal.aborted ? undefined : this.#pursue(wish, abort.signal)));
  }

  async #pursue(wish: DesiredAgent, signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#options;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        if (!isWanted(this.#state, wish)) break;
        return await this.#stage(wish, signal);
      } catch (thrown) {
        const error = registeredOf(thrown);
        log.warn('agent-not-staged', { digest: wish.digest, code: error.code, why: error.message });
        if (signal.aborted || this.#giveUp(wish, error)) break;
        await pauseUnlessAborted(clock, backoffMs(failures, random.share()), signal);
      }
    }
    this.#note('settled');
  }

  async #stage(wish: DesiredAgent, signal: AbortSignal): Promise<void> {
    const { blobs, disk, loader, surroundings } = this.#options;
    const { digest, order } = wish;
    if (loader === undefined) throw noLoader();
    this.#note('fetching');
    await this.#options.allow?.(wish);
    const publisherFingerprints = this.#options.publisherFingerprints();
    this.#store.tidy(this.#state, digest);
    const release = await fetchRelease({
      ...{ blobs, digest, disk, publisherFingerprints, signal },
      directory: this.#store.partDirectory(digest),
      surroundings: { ...surroundings, loader: loader.version },
      checkNewer: (found) => checkNewer(this.#state, { release: found, running: surroundings.running }),
      progress: (progress) => {
        this.#progress = progress;
        this.#options.changed();
      },
    });
    this.#note('verifying');
    this.#store.finishPart(digest);
    this.#persist(stage(this.#state, release, order));
    this.#note('staged');
    this.#options.log.info('agent-staged', { version: release.version });
    loader.restart();
  }

  /** Notes a refusal when trying again cannot help; returns whether that is so. */
  #giveUp({ digest, order }: DesiredAgent, { code, isRetryable, message }: NanofleetError): boolean {
    if (isRetryable) return false;
    const { clock, log } = this.#options;
    const refused = refuse(this.#state, { digest, order, code, message, at: clock.unixMs() });
    this.#state = refused;
    try {
      this.#store.tidy(refused);
      // Without a loader nobody reads it, and the next start says the same.
      if (this.#options.loader !== undefined) this.#store.write(refused);
    } catch (thrown) {
      log.warn('agent-refusal-not-written', { why: String(thrown) });
    }
    return true;
  }

  #persist(state: BootState): void {
    this.#store.write(state);
    this.#state = state;
    this.#options.changed();
  }

  #note(step: AgentReport['step']): void {
    this.#step = step;
    this.#options.changed();
  }
}

const withoutOrder = ({ digest, code, message, at }: NonNullable<BootState['refused']>) => ({
  digest,
  code,
  message,
  at,
});

const noLoader = (): NanofleetError =>
  new NanofleetError(
    'AGENT_NO_LOADER',
    'this agent cannot upgrade itself: no loader has started it. Install it with the line of: nanofleet devices add',
  );
