/**
 * The texts of decisions made lately, so that a label can refer to one. In memory only, bounded in bytes, forgotten with the process;
 * never on the disk, on the wire or in a log.
 */
import {
  DECISIONS_REMEMBERED_MAX,
  type Decision,
  type LineId,
  RECENT_TEXTS_BYTES_MAX,
  type Uuid,
} from '@nanofleet/protocol';

/** A text that was decided on. */
export interface RecentText {
  readonly decision: Uuid;
  readonly line: LineId;
  readonly text: string;
}

/** A string takes at most so many bytes per unit. */
const BYTES_PER_UNIT = 2;

/** Texts by decision. */
export class RecentTexts {
  readonly #byDecision = new Map<string, RecentText>();
  #newest: RecentText | null = null;
  #bytes = 0;

  get size(): number {
    return this.#byDecision.size;
  }

  /** The text of the newest decision; null when none is remembered. */
  get newest(): RecentText | null {
    return this.#newest;
  }

  remember({ id, line }: Pick<Decision, 'id' | 'line'>, text: string): void {
    this.#newest = { decision: id, line, text };
    this.#byDecision.set(id, this.#newest);
    this.#bytes += text.length * BYTES_PER_UNIT;
    while (this.#bytes > RECENT_TEXTS_BYTES_MAX || this.#byDecision.size > DECISIONS_REMEMBERED_MAX) {
      this.#forgetOldest();
    }
  }

  find(decision: string): RecentText | null {
    return this.#byDecision.get(decision) ?? null;
  }

  /** Forgets all; returns how many there were. */
  clear(): number {
    const count = this.#byDecision.size;
    this.#byDecision.clear();
    this.#newest = null;
    this.#bytes = 0;
    return count;
  }

  #forgetOldest(): void {
    for (const [decision, { text }] of this.#byDecision) {
      this.#byDecision.delete(decision);
      this.#bytes -= text.length * BYTES_PER_UNIT;
      return;
    }
  }
}
