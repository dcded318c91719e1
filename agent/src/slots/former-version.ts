/**
 * The version before, loaded once more for as long as a gate compares it with the one that has taken its place. Owns its
 * memory: it is released when the gate has seen enough, when the line runs something else, when there is no room for two,
 * and after a week. Never serves anybody.
 */
import { PAIRS_LOOK_MS, PAIRS_MS_MAX } from '@nanofleet/protocol';
import type { Runner } from '@nanofleet/runtime';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import type { Host } from '../ports/host.ts';
import type { Pairs } from '../trial/pairs.ts';
import { hasRoomForTwo } from '../trial/room.ts';
import { onProbation, type SlotState, type Wish } from './slots.machine.ts';

/** What holding the version before needs. */
export interface FormerVersionOptions {
  readonly clock: Clock;
  readonly host: Pick<Host, 'memoryBytes' | 'rssBytes'>;
  readonly line: string;
  readonly log: Log;
  readonly pairs: Pick<Pairs, 'begin' | 'end' | 'expect' | 'forgo'>;
}

/** What is read of the line. */
export interface FormerVersionAround {
  readonly state: () => SlotState;
  /** What serves the line. */
  readonly serving: () => Runner | null;
  /** The runner of a bundle on the disk, verified once more. */
  readonly load: (digest: string) => Promise<Runner>;
}

interface Target {
  readonly now: string;
  readonly former: string;
}

/** Why it is released though the gate goes on. */
type End = 'enough' | 'no-room' | 'too-long' | 'not-loaded';

/** The version before of one line. */
export class FormerVersion {
  readonly #options: FormerVersionOptions;
  readonly #around: FormerVersionAround;
  #wish: Wish | null = null;
  /** What is compared, or was until it was given up. */
  #target: Target | null = null;
  #isGivenUp = false;
  #runner: Runner | null = null;
  #work: Promise<void> = Promise.resolve();
  #cancel: () => void = () => undefined;

  constructor(options: FormerVersionOptions, around: FormerVersionAround) {
    this.#options = options;
    this.#around = around;
  }

  /** What the line is to run, and with what a gate wants it compared. */
  want(wish: Wish): void {
    this.#wish = wish;
    this.settle();
  }

  /** Begins or ends as the line stands now. */
  settle(): void {
    const wanted = this.#wanted();
    if (wanted?.now !== this.#target?.now || wanted?.former !== this.#target?.former) {
      this.#release();
      this.#target = wanted;
      this.#isGivenUp = false;
      if (wanted !== null) this.#work = this.#work.then(() => this.#begin(wanted));
    }
    this.#tell();
  }

  /** Resolves when nothing is loaded any more. */
  close(): Promise<void> {
    this.#wish = null;
    this.settle();
    return this.#work;
  }

  #wanted(): Target | null {
    const state = this.#around.state();
    const { accepted, previous } = state;
    const wish = this.#wish;
    const isThere = accepted !== null && accepted.digest === wish?.digest && onProbation(state) === null;
    if (!isThere || previous === null || previous.digest !== wish.comparedWith || !this.#isText) return null;
    return { now: accepted.digest, former: previous.digest };
  }

  /** What a bigger tier is asked is texts: nobody could judge windows of a sensor. */
  get #isText(): boolean {
    return this.#around.serving()?.task === 'text-intent';
  }

  /** From its first moment in service on a version says that it will be compared: its gate must wait for what comes of it. */
  #tell(): void {
    const { host, pairs } = this.#options;
    const state = this.#around.state();
    const wish = this.#wish;
    const served = this.#around.serving();
    if (served === null || served.digest !== wish?.digest) return;
    const isOnTrial = onProbation(state) !== null && state.accepted?.digest === wish.comparedWith;
    const isToCome = isOnTrial && this.#isText && hasRoomForTwo(host);
    if (isToCome || (this.#target !== null && !this.#isGivenUp)) pairs.expect(served);
    else pairs.forgo(served);
  }

  async #begin(target: Target): Promise<void> {
    const { clock, host, line, log, pairs } = this.#options;
    if (this.#target !== target) return;
    if (!hasRoomForTwo(host)) return this.#giveUp('no-room');
    const runner = await this.#load(target.former);
    if (runner === null) return this.#giveUp('not-loaded');
    if (this.#target !== target) return this.#free(runner);
    this.#runner = runner;
    if (runner.task !== 'text-intent') return this.#giveUp('not-loaded');
    log.info('former-version-compared', { line, digest: target.former });
    const doer = { line: runner.line, digest: target.now } as Parameters<Pairs['begin']>[0];
    pairs.begin(doer, { former: runner, enough: () => this.#giveUp('enough') });
    this.#look(clock.monotonicMicros());
  }

  async #load(digest: string): Promise<Runner | null> {
    try {
      return await this.#around.load(digest);
    } catch (thrown) {
      const { line, log } = this.#options;
      log.warn('former-version-not-loaded', { line, digest, why: String(thrown) });
      return null;
    }
  }

  #look(sinceMicros: number): void {
    const { clock, host } = this.#options;
    this.#cancel = clock.after(PAIRS_LOOK_MS, () => {
      if (!hasRoomForTwo(host)) return this.#giveUp('no-room');
      if (clock.monotonicMicros() - sinceMicros > PAIRS_MS_MAX * 1_000) return this.#giveUp('too-long');
      this.#look(sinceMicros);
    });
  }

  /** The target stays, so that it is not begun again. */
  #giveUp(why: End): void {
    this.#options.log.info('former-version-released', { line: this.#options.line, why });
    this.#isGivenUp = true;
    this.#release();
    this.#tell();
  }

  #release(): void {
    this.#cancel();
    const runner = this.#runner;
    this.#runner = null;
    if (runner === null) return;
    const unused = this.#options.pairs.end(this.#options.line);
    this.#work = this.#work.then(() => unused).then(() => this.#free(runner));
  }

  async #free(runner: Runner): Promise<void> {
    try {
      await runner.release();
    } catch (thrown) {
      this.#options.log.warn('session-not-released', { line: this.#options.line, why: String(thrown) });
    }
  }
}
