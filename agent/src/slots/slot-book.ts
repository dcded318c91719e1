/** The state of one line in memory and on the disk. Owns that both are the same wherever the disk allows it; never decides. */
import type { NanofleetError } from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import type { ReportChange } from '../link/link.ts';
import type { Host } from '../ports/host.ts';
import type { SlotStore } from './slot-store.ts';
import { onProbation, type Refusal, type SlotState, type StartFacts } from './slots.machine.ts';

/** What the book needs. */
export interface SlotBookOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly host: Pick<Host, 'boot'>;
  readonly line: string;
  /** Told when what is reported has changed. */
  readonly changed: (change: ReportChange) => void;
}

/** The state of one line. */
export class SlotBook {
  readonly #options: SlotBookOptions;
  readonly #store: SlotStore;
  #state: SlotState;

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(options: SlotBookOptions, store: SlotStore) {
    this.#options = options;
    this.#store = store;
    this.#state = store.read();
  }

  get state(): SlotState {
    return this.#state;
  }

  /** Writes the next state down. Throws the disk's error; then nothing has changed. */
  persist(next: SlotState): void {
    this.#store.write(next);
    this.#take(next);
  }

  /** The same for what is so whether or not it can be written down: the next start finds the state before, and does it again. */
  note(next: SlotState): void {
    if (next === this.#state) return;
    try {
      this.#store.write(next);
    } catch (thrown) {
      this.#options.log.warn('slot-not-written', { line: this.#options.line, why: String(thrown) });
    }
    this.#take(next);
  }

  refusal(digest: Refusal['digest'], { code, message }: NanofleetError): Refusal {
    return { digest, code, message, at: this.#options.clock.unixMs() };
  }

  facts(): StartFacts {
    return { at: this.#options.clock.unixMs(), boot: this.#options.host.boot?.()?.id ?? null };
  }

  #take(next: SlotState): void {
    this.#state = next;
    this.#options.changed(changeBy(next));
  }
}

const changeBy = (next: SlotState): ReportChange => {
  if (next.attempt === null || onProbation(next) !== null) return 'state';
  // Until the first bytes are here, which progress tells, there may be minutes: a fleet does not fetch at once.
  return next.attempt.step === 'fetching' ? 'heard' : 'step';
};
