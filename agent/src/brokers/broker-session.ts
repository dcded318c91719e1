/**
 * A connection to a broker in the house that is kept: again with a growing wait when it ended. Owns the connection, and
 * who waits for it; never what is published.
 */
import { NanofleetError, RECONNECT_LONGEST_MS } from '@nanofleet/protocol';
import type { Clock, Connection, ConnectOptions, Random, Transport } from '@nanofleet/runtime/ports';
import { backoffMs } from '../link/backoff.ts';

/** What a session needs. */
export interface BrokerSessionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  /** Made anew for each connection. @throws NanofleetError CONFIG_INVALID, URL_NOT_PRIVATE */
  readonly login: () => ConnectOptions;
  /** Topics to hear. */
  readonly filters: readonly string[];
  /** Each time it can be published to; a rejection ends the connection. */
  readonly opened: (connection: Connection) => Promise<void> | void;
  readonly received: (topic: string, payload: Uint8Array, options: { isRetained: boolean }) => void;
  readonly failed: (error: NanofleetError) => void;
}

/** A connection that held so long starts the growing wait anew, milliseconds. */
const STEADY_MS = RECONNECT_LONGEST_MS;

const failure = (thrown: unknown): NanofleetError => {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new NanofleetError('SINK_FAILED', why, { cause: thrown });
};

/** One session. */
export class BrokerSession {
  readonly #options: BrokerSessionOptions;
  #connection: Connection | null = null;
  #open: Connection | null = null;
  readonly #awaiting = new Set<(connection: Connection) => void>();
  #failures = 0;
  #lastError = 'the broker has not answered yet';
  #cancelRetry: () => void = () => undefined;
  #isClosed = false;

  constructor(options: BrokerSessionOptions) {
    this.#options = options;
  }

  /** Begins to connect. */
  start(): void {
    const { clock, login, transport } = this.#options;
    const startMicros = clock.monotonicMicros();
    try {
      const options = login();
      const connection = transport.connect(options, {
        opened: () => void this.#greet(connection),
        received: (topic, payload, given) => this.#options.received(topic, payload, given),
        closed: (reason, { isRefused }) => {
          const why = isRefused ? 'the broker refuses name and password' : (reason ?? 'the connection ended');
          if (clock.monotonicMicros() - startMicros > STEADY_MS * 1_000) this.#failures = 0;
          this.#ended(`${new URL(options.url).host}: ${why}`);
        },
      });
      this.#connection = connection;
    } catch (thrown) {
      this.#ended(failure(thrown).message);
    }
  }

  /**
   * Publishes when there is a connection.
   * @throws NanofleetError SINK_FAILED when there is none until `signal`
   */
  async publish(
    topic: string,
    payload: Uint8Array,
    options: { qos: 0 | 1; isRetained: boolean; signal: AbortSignal },
  ): Promise<void> {
    const { qos, isRetained, signal } = options;
    const connection = await this.#opened(signal);
    const published = connection.publish(topic, payload, { qos, isRetained });
    await Promise.race([published, this.#aborted(signal)]).catch((thrown: unknown) => {
      throw failure(thrown);
    });
  }

  /** Does something while there is a connection; nothing when there is none. A failure ends the connection. */
  whenOpen(work: (connection: Connection) => Promise<void>): void {
    const connection = this.#open;
    if (connection === null) return;
    work(connection).catch((thrown: unknown) => this.#giveUp(connection, thrown));
  }

  /** Ends it. @param last is done before, while there is a connection */
  async close(last: (connection: Connection) => Promise<void> = () => Promise.resolve()): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry();
    if (this.#open !== null) await last(this.#open).catch(() => undefined);
    await this.#connection?.end({ isOrderly: true });
  }

  async #greet(connection: Connection): Promise<void> {
    try {
      const { filters, opened } = this.#options;
      if (filters.length > 0) await connection.subscribe(filters);
      await opened(connection);
      this.#open = connection;
      for (const resolve of this.#awaiting) resolve(connection);
      this.#awaiting.clear();
    } catch (thrown) {
      this.#giveUp(connection, thrown);
    }
  }

  #giveUp(connection: Connection, thrown: unknown): void {
    this.#lastError = failure(thrown).message;
    void connection.end({ isOrderly: true });
  }

  #ended(why: string): void {
    this.#open = null;
    this.#connection = null;
    if (this.#isClosed) return;
    const { clock, failed, random } = this.#options;
    this.#lastError = why;
    failed(new NanofleetError('SINK_FAILED', why));
    this.#failures += 1;
    this.#cancelRetry = clock.after(backoffMs(this.#failures, random.share()), () => this.start());
  }

  #opened(signal: AbortSignal): Promise<Connection> {
    if (this.#open !== null) return Promise.resolve(this.#open);
    return new Promise((resolve, reject) => {
      const done = (connection: Connection): void => resolve(connection);
      this.#awaiting.add(done);
      const give = (): void => {
        this.#awaiting.delete(done);
        reject(new NanofleetError('SINK_FAILED', this.#lastError));
      };
      if (signal.aborted) return give();
      signal.addEventListener('abort', give, { once: true });
    });
  }

  #aborted(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      const end = (): void =>
        reject(new NanofleetError('SINK_FAILED', 'the broker did not acknowledge within timeoutMs'));
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  }
}
