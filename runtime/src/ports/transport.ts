/**
 * The Transport port: one MQTT connection at a time, with a will. Owns no reconnecting, no meaning of topics.
 * A connection ends exactly once; after that everything asked of it fails quietly.
 */

/** What a connection needs to know before it starts. */
export interface ConnectOptions {
  readonly url: string;
  readonly clientId: string;
  readonly password: string;
  readonly keepaliveS: number;
  readonly connectTimeoutMs: number;
  /** Published by the broker when the connection is lost; QoS 1, not retained. */
  readonly will: { readonly topic: string; readonly payload: Uint8Array };
}

/** Called by a connection; attached before the first byte is sent, so that nothing arrives unseen. */
export interface ConnectionHandlers {
  opened(): void;
  received(topic: string, payload: Uint8Array, options: { isRetained: boolean }): void;
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
