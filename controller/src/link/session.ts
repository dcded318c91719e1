/**
 * One session of the controller at a broker: connected, subscribed, and made again whenever its connection ends. What is
 * to be sent waits for the next connection up to a bound. Never knows what a topic means.
 */
import { HTTP_DEADLINE_MS, NanofleetError, SENDS_WAITING_MAX } from '@nanofleet/protocol';
import {
  type CancelTimer,
  type Clock,
  type Connection,
  type ConnectionHandlers,
  type ConnectOptions,
  type Log,
  linkUnavailable,
  type Transport,
} from '@nanofleet/runtime/ports';
import { factsOf } from '../ports/log.ts';

const RECONNECT_MS = 200;
/** A message that found no connection for so long is given up; who sends it has tries of his own, or makes it anew. */
const SEND_WAIT_MS = 30_000;

/** Where and as whom. */
export type SessionLogin = Omit<ConnectOptions, 'connectTimeoutMs' | 'will'>;

/** What a session is made of. */
export interface SessionOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  readonly login: SessionLogin;
  readonly filters: readonly string[];
  readonly received: ConnectionHandlers['received'];
  /** Before it hears again, when the broker has forgotten what was before; nothing arrives until this is done. */
  readonly fresh?: () => Promise<void>;
  /** Each time that it hears. */
  readonly heard?: () => void;
}

interface First {
  readonly resolve: () => void;
  readonly reject: (thrown: unknown) => void;
}

/** A session. */
export class Session {
  readonly #options: SessionOptions;
  readonly #waiting = new Set<(connection: Connection | null) => void>();
  #connection: Connection | null = null;
  #isOpen = false;
  #first: First | null = null;
  #lastReason = 'it did not answer';
  #cancelRetry: CancelTimer = () => undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * Connects and subscribes; from then on it is kept until `close`.
   * @throws NanofleetError BROKER_UNAVAILABLE when that did not succeed within the time; then it is closed
   */
  async open(withinMs: number): Promise<void> {
    const { clock, login } = this.#options;
    this.#isOpen = true;
    const heard = new Promise<void>((resolve, reject) => {
      this.#first = { resolve, reject };
    });
    const cancel = clock.after(withinMs, () => this.#first?.reject(this.#unavailable(login.url)));
    this.#connect();
    try {
      await heard;
    } catch (thrown) {
      await this.close();
      throw thrown;
    } finally {
      this.#first = null;
      cancel();
    }
  }

  /** Begins to connect, and goes on until `close`; resolves at once. */
  keep(): void {
    this.#isOpen = true;
    this.#connect();
  }

  /** Whether messages can flow now. */
  get isConnected(): boolean {
    return this.#connection !== null;
  }

  /**
   * Publishes over this connection or the next, at least once.
   * @throws NanofleetError LINK_UNAVAILABLE when there was none in time, or too much waits already
   */
  async publish(topic: string, payload: Uint8Array, options: { isRetained: boolean }): Promise<void> {
    const untilMicros = this.#options.clock.monotonicMicros() + SEND_WAIT_MS * 1_000;
    while (this.#isOpen) {
      const connection = this.#connection ?? (await this.#nextConnection(untilMicros));
      try {
        await connection.publish(topic, payload, { qos: 1, ...options });
        return;
      } catch (thrown) {
        if (this.#connection === connection) throw thrown;
      }
    }
    throw linkUnavailable('the session was closed');
  }

  /** Ends it; a persistent one stays at the broker for whoever comes with its client id. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#cancelRetry();
    const connection = this.#connection;
    this.#connection = null;
    for (const wake of this.#waiting) wake(null);
    await connection?.end({ isOrderly: false });
  }

  #connect(): void {
    const { login, received, transport } = this.#options;
    const connection = transport.connect(
      { ...login, connectTimeoutMs: HTTP_DEADLINE_MS },
      {
        opened: ({ isSessionKept }) => void this.#opened(connection, isSessionKept),
        received: (topic, payload, options) => (this.#isOpen ? received(topic, payload, options) : NEVER),
        closed: (reason) => this.#closed(connection, reason),
      },
    );
  }

  async #opened(connection: Connection, isKept: boolean): Promise<void> {
    if (!this.#isOpen) return connection.end({ isOrderly: false });
    this.#connection = connection;
    for (const wake of this.#waiting) wake(connection);
    try {
      if (!isKept) await this.#options.fresh?.();
      // A kept session has its subscriptions; again they also bring what is retained.
      if (this.#options.filters.length > 0) await connection.subscribe(this.#options.filters);
      this.#options.heard?.();
      this.#first?.resolve();
    } catch (thrown) {
      this.#lastReason = factsOf(thrown)['detail']?.toString() ?? this.#lastReason;
      this.#options.log.warn('a session could not be heard', this.#facts(thrown));
      await connection.end({ isOrderly: false });
    }
  }

  #closed(connection: Connection, reason: string | null): void {
    if (this.#connection === connection) this.#connection = null;
    if (!this.#isOpen) return;
    this.#lastReason = reason ?? this.#lastReason;
    this.#options.log.warn('a session was lost', { client: this.#options.login.clientId, why: reason });
    this.#cancelRetry();
    this.#cancelRetry = this.#options.clock.after(RECONNECT_MS, () => this.#connect());
  }

  #nextConnection(untilMicros: number): Promise<Connection> {
    const { clock } = this.#options;
    if (this.#waiting.size >= SENDS_WAITING_MAX) {
      return Promise.reject(linkUnavailable('too much waits to be sent already'));
    }
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

  #facts(thrown: unknown) {
    return { client: this.#options.login.clientId, ...factsOf(thrown) };
  }

  #unavailable(url: string) {
    const { host } = new URL(url);
    const problem = `The broker at ${host} cannot be used: ${this.#lastReason}.`;
    return new NanofleetError('BROKER_UNAVAILABLE', problem, { facts: { host } });
  }
}

/** Whatever comes to a session that has ended is the next one's: it is never acknowledged. */
const NEVER = new Promise<void>(() => undefined);
