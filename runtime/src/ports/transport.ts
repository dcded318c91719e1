/**
 * The Transport port: one MQTT connection at a time, with a will. Owns no reconnecting, no meaning of topics.
 * A connection ends exactly once; after that everything asked of it fails quietly.
 */

/** Whom a TLS client believes and who it is, PEM. */
export interface TlsIdentity {
  /** Left out: those that Node trusts. */
  readonly ca?: readonly string[];
  readonly cert?: string;
  /** Of `cert`. */
  readonly key?: string;
}

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
  /** Messages of QoS 1 that may wait for their acknowledgement; more are not read from the broker. Left out: any number. */
  readonly unacknowledgedMax?: number;
  /** For `mqtts:`; left out: a client without a certificate that believes what Node trusts. */
  readonly tls?: TlsIdentity;
  /** Published by the broker when the connection is lost; QoS 1, kept for who comes later where it says so. */
  readonly will?: { readonly topic: string; readonly payload: Uint8Array; readonly isRetained?: boolean };
}

/** Called by a connection; attached before the first byte is sent, so that nothing arrives unseen. */
export interface ConnectionHandlers {
  /** `isSessionKept`: the broker still has the subscriptions and messages of a persistent connection before this one. */
  opened(given: { isSessionKept: boolean }): void;
  /**
   * A promise holds back the acknowledgement of a message of QoS 1 until it is settled, and with it those of later
   * messages: acknowledgements go out in the order of arrival (MQTT 3.1.1, 4.6). What is not acknowledged when the
   * connection ends comes again to the next one of a persistent client id.
   */
  received(topic: string, payload: Uint8Array, options: { isRetained: boolean }): void | Promise<void>;
  /**
   * Once, also when it never opened; the reason is null for an end that was asked for.
   * `isRefused`: the broker does not know this login, or does not take the certificate.
   */
  closed(reason: string | null, end: { isRefused: boolean }): void;
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
