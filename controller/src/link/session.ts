/**
 * One persistent session at the broker: connects, subscribes, comes back after a loss, and publishes over this
 * connection or the next. Owns no meaning of topics; the link gives the filters and takes what arrives.
 */
import { HTTP_DEADLINE_MS } from '@nanofleet/protocol';
import {
  type CancelTimer,
  type Clock,
  type Connection,
  type Log,
  linkUnavailable,
  type Transport,
} from '@nanofleet/runtime/ports';
import { factsOf } from '../ports/log.ts';

const RECONNECT_MS = 200;
/** A message that found no connection for so long is given up; who sends it has tries of his own, or makes it anew. */
const SEND_WAIT_MS = 30_000;

/** What a session is about. */
export interface SessionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly transport: Transport;
  /** Address of the broker; means nothing to a transport inside the process. */
  readonly url: string;
  /** Two sessions of one id take the connection from each other. */
  readonly clientId: string;
  readonly password: string;
  readonly filters: readonly string[];
  readonly received: (topic: string, payload: Uint8Array) => void | Promise<void>;
}

interface FirstHearing {
  readonly resolve: () => void;
  readonly reject: (thrown: unknown) => void;
}

/** A session. */
export class Session {
  readonly #options: SessionOptions;
  readonly #waiting = new Set<(connection: Connection | null) => void>();
  #connection: Connection | null = null;
  #cancelRetry: CancelTimer = () => undefined;
  #isEnded = false;

  private constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Begins one; resolves when all filters are heard, and it lasts until `close`. */
  static async start(options: SessionOptions): Promise<Session> {
    const session = new Session(options);
    await new Promise<void>((resolve, reject) => session.#connect({ resolve, reject }));
    return session;
  }

  /** Whether messages can flow now. */
  get isConnected(): boolean {
    return this.#connection !== null;
  }

  /**
   * Publishes with QoS 1: a short loss of the connection loses nothing that was to be sent.
   * @throws NanofleetError LINK_UNAVAILABLE when there was no connection for too long, or the session has ended
   */
  async publish(topic: string, payload: Uint8Array, options: { isRetained: boolean }): Promise<void> {
    const untilMicros = this.#options.clock.monotonicMicros() + SEND_WAIT_MS * 1_000;
    for (;;) {
      const connection = this.#connection ?? (await this.#nextConnection(untilMicros));
      try {
        await connection.publish(topic, payload, { qos: 1, ...options });
        return;
      } catch (thrown) {
        if (this.#connection === connection) throw thrown;
      }
    }
  }

  /** Ends it; what still waits to be sent fails. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#isEnded = true;
    this.#connection = null;
    this.#cancelRetry();
    for (const wake of this.#waiting) wake(null);
    await connection?.end({ isOrderly: false });
  }

  #connect(first?: FirstHearing): void {
    const { clientId, password, received, transport, url } = this.#options;
    const connection = transport.connect(
      {
        url,
        clientId,
        password,
        keepaliveS: 0,
        connectTimeoutMs: HTTP_DEADLINE_MS,
        // A short loss of the link then loses no message: the broker keeps them for this session.
        isPersistent: true,
      },
      {
        opened: () => void this.#opened(connection, first),
        received,
        closed: (reason) => this.#closed(reason, first),
      },
    );
  }

  async #opened(connection: Connection, first: FirstHearing | undefined): Promise<void> {
    this.#connection = connection;
    for (const wake of this.#waiting) wake(connection);
    try {
      await connection.subscribe(this.#options.filters);
      first?.resolve();
    } catch (thrown) {
      this.#options.log.warn('the link failed', factsOf(thrown));
      // Still connected: the broker refuses, and would again.
      if (this.#connection === connection) first?.reject(thrown);
      await connection.end({ isOrderly: false });
    }
  }

  #closed(reason: string | null, first: FirstHearing | undefined): void {
    this.#connection = null;
    if (this.#isEnded) {
      first?.reject(linkUnavailable('the link was closed'));
      return;
    }
    this.#options.log.warn('the link was lost', { why: reason });
    this.#cancelRetry = this.#options.clock.after(RECONNECT_MS, () => this.#connect(first));
  }

  #nextConnection(untilMicros: number): Promise<Connection> {
    const { clock } = this.#options;
    if (this.#isEnded) return Promise.reject(linkUnavailable('the link was closed'));
    return new Promise((resolve, reject) => {
      const wake = (connection: Connection | null): void => {
        cancel();
        this.#waiting.delete(wake);
        if (connection === null) reject(linkUnavailable('there was no connection in time'));
        else resolve(connection);
      };
      const waitMs = Math.max(0, (untilMicros - clock.monotonicMicros()) / 1_000);
      const cancel = clock.after(waitMs, () => wake(null));
      this.#waiting.add(wake);
    });
  }
}
