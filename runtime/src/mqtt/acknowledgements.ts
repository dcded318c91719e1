/**
 * PUBACKs of one connection: in the order in which the messages came (MQTT 3.1.1, 4.6), each once its message is taken,
 * those that are due together in one write. mqtt.js would take the next message only after the acknowledgement of the
 * one before: 260 a second beside a database, against 27,000. At its bound it holds up the reading of the stream.
 */

/** One message of QoS 1. */
interface Waiting {
  readonly messageId: number;
  isTaken: boolean;
}

/** What it writes to, and how much may wait. */
export interface AcknowledgementOptions {
  readonly unacknowledgedMax: number;
  readonly write: (bytes: Uint8Array) => void;
}

const PUBACK = 0x40;
const PUBACK_BYTES = 4;

/** Acknowledgements that are due or not yet. */
export class Acknowledgements {
  readonly #options: AcknowledgementOptions;
  #waiting: Waiting[] = [];
  #isFlushing = false;
  #next: (() => void) | null = null;

  constructor(options: AcknowledgementOptions) {
    this.#options = options;
  }

  /** Acknowledges a message once `taken` is settled; calls `next` as soon as another message may come. */
  await(messageId: number, taken: void | Promise<void>, next: () => void): void {
    const waiting = { messageId, isTaken: taken === undefined };
    this.#waiting.push(waiting);
    if (taken === undefined) this.#flushSoon();
    else
      taken.then(
        () => this.#take(waiting),
        () => this.#take(waiting),
      );
    if (this.#waiting.length < this.#options.unacknowledgedMax) next();
    else this.#next = next;
  }

  #take(waiting: Waiting): void {
    waiting.isTaken = true;
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // All messages of one commit are settled in this turn; their acknowledgements travel together.
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    const open = this.#waiting.findIndex(({ isTaken }) => !isTaken);
    const due = this.#waiting.splice(0, open < 0 ? this.#waiting.length : open);
    if (due.length === 0) return;
    this.#options.write(packetsOf(due));
    const next = this.#next;
    if (next === null || this.#waiting.length >= this.#options.unacknowledgedMax) return;
    this.#next = null;
    next();
  }
}

/** PUBACK packets one after the other (MQTT 3.1.1, 3.4). */
const packetsOf = (due: readonly Waiting[]): Uint8Array => {
  const bytes = new Uint8Array(due.length * PUBACK_BYTES);
  for (const [index, { messageId }] of due.entries()) {
    bytes.set([PUBACK, 2, messageId >> 8, messageId & 0xff], index * PUBACK_BYTES);
  }
  return bytes;
};
