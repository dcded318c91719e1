/**
 * What the outbox has lost, by class and reason: counted since the process started, and kept until it is reported. Never
 * decides that something is lost.
 */
import type { RecordClass } from '@nanofleet/protocol';

/** Why records were lost. */
export type DropReason = 'expired' | 'bound' | 'disk-full' | 'corrupt';

/** Lost records of one class and reason that have not been reported yet. */
export interface Drops {
  readonly class: RecordClass;
  readonly reason: DropReason;
  readonly dropped: number;
}

/** The losses of an outbox. */
export class OutboxLosses {
  readonly #counts: Record<RecordClass, { dropped: number; expired: number }> = {
    offload: { dropped: 0, expired: 0 },
    event: { dropped: 0, expired: 0 },
    decision: { dropped: 0, expired: 0 },
  };
  readonly #unreported = new Map<string, Drops>();

  /** Losses of a class since the process started. */
  of(recordClass: RecordClass): { dropped: number; expired: number } {
    return { ...this.#counts[recordClass] };
  }

  add(drops: Drops): void {
    this.#counts[drops.class][drops.reason === 'expired' ? 'expired' : 'dropped'] += drops.dropped;
    this.#remember(drops);
  }

  /** Hands every unreported loss to a reporter; one that it could not report (false) is kept for the next time. */
  report(reporter: (drops: Drops) => boolean): void {
    const waiting = Array.from(this.#unreported.values());
    this.#unreported.clear();
    for (const drops of waiting) if (!reporter(drops)) this.#remember(drops);
  }

  #remember(drops: Drops): void {
    const key = `${drops.class} ${drops.reason}`;
    const before = this.#unreported.get(key)?.dropped ?? 0;
    this.#unreported.set(key, { ...drops, dropped: before + drops.dropped });
  }
}
