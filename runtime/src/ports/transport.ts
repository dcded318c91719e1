/**
 * The Transport port: one MQTT connection at a time, with a will. Owns no reconnecting, no meaning of topics.
 * A connection ends exactly once; after that everything asked of it fails quietly.
 */

/** What a connection needs to know before it starts. */
export interface ConnectOptions {
  readonly url: string;
  readonly clientId: string;
  /** Left out: the client id. */
  readonly username?: string;
  readonly password: string;
  /** 0: none. */
  readonly keepaliveS: number;
  readonly connectTimeoutMs: number;
  /** Whether the broker keeps subscriptions and what was not acknowledged after the end; left out: no. */
  readonly isPersistent?: boolean;
  /** Published by the broker when the connection is lost; QoS 1, not retained. */
  readonly will?: { readonly topic: string; readonly payload: Uint8Array };
}

/** Called by a connection; attached before the first byte is sent, so that nothing arrives unseen. */
export interface ConnectionHandlers {
  opened(): void;
  /** A promise holds back the acknowledgement of a message of QoS 1, and what comes behind it, until it is settled. */
  received(topic: string, payload: Uint8Array, options: { isRetained: boolean }): void | Promise<void>;
  /** Once, also when it never opened; the reason is null for an end that was asked for. */
  closed(reason: string | null): void;
}

/** One connection. */
export interface Connection {
  /** Resolves when sent (QoS 0) or taken by the broker (QoS 1); rejects when the connection ends first. */
  publish(topic: string, payload: Uint8Array, options: { qos: 0 | 1; isRetained: boolean }): Promise<void>;
  /** Resolves when the broker has granted all filters. */
  subscribe(filters: readonly string[]): Promise<void>;
  /** Ends it; orderly ends let the broker forget the will. */
  end(options: { isOrderly: boolean }): Promise<void>;
}

/** Makes connections. */
export interface Transport {
  connect(options: ConnectOptions, handlers: ConnectionHandlers): Connection;
}
