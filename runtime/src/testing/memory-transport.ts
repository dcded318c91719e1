/**
 * A broker in memory for tests of the link: retained messages, wills, takeover of a client id, topic filters with `+`.
 * Delivers at the next microtask, as a real one would: never inside the call that caused it.
 */
import { isCovered } from '@nanofleet/protocol';
import { LINK_UNAVAILABLE_MESSAGE, linkUnavailable } from '../ports/link-unavailable.ts';
import type { Connection, ConnectionHandlers, ConnectOptions, Transport } from '../ports/transport.ts';

/** A message as the broker saw it. */
export interface SeenMessage {
  readonly from: string;
  readonly topic: string;
  readonly payload: Uint8Array;
}

interface Client {
  readonly options: ConnectOptions;
  readonly handlers: ConnectionHandlers;
  filters: readonly string[];
}

/** The broker; give `transport` to any number of agents. */
export class MemoryBroker {
  /** Everything that clients have published, wills included. */
  readonly seen: SeenMessage[] = [];
  readonly retained = new Map<string, Uint8Array>();
  /** While false every connection fails. */
  isUp = true;
  #clients = new Map<string, Client>();

  readonly transport: Transport = { connect: (options, handlers) => this.#connect(options, handlers) };

  /** Ids of connected clients. */
  get connected(): string[] {
    return [...this.#clients.keys()];
  }

  /** Publishes as the controller does. */
  publish(
    topic: string,
    payload: Uint8Array,
    options: { isRetained: boolean } = { isRetained: false },
  ): void {
    if (options.isRetained) this.retained.set(topic, payload);
    for (const { filters, handlers } of this.#clients.values()) {
      if (!filters.some((filter) => isCovered(topic, filter))) continue;
      queueMicrotask(() => void handlers.received(topic, payload, { isRetained: false }));
    }
  }

  /** Cuts all connections, as a crash of the broker does: wills are not sent. */
  crash(): void {
    this.isUp = false;
    for (const client of [...this.#clients.values()])
      this.#drop(client, { reason: 'the broker is gone', isWillDue: false });
  }

  #connect(options: ConnectOptions, handlers: ConnectionHandlers): Connection {
    const client: Client = { options, handlers, filters: [] };
    queueMicrotask(() => {
      if (!this.isUp) return handlers.closed('the broker is gone', { isRefused: false });
      const before = this.#clients.get(options.clientId);
      if (before !== undefined) this.#drop(before, { reason: 'taken over', isWillDue: true });
      this.#clients.set(options.clientId, client);
      handlers.opened({ isSessionKept: false });
    });
    return this.#connectionOf(client);
  }

  #connectionOf(client: Client): Connection {
    const from = client.options.clientId;
    const isOpen = (): boolean => this.#clients.get(from) === client;
    return {
      publish: (topic, payload, { isRetained }) => {
        if (!isOpen()) return Promise.reject(linkUnavailable(LINK_UNAVAILABLE_MESSAGE));
        this.seen.push({ from, topic, payload });
        this.publish(topic, payload, { isRetained });
        return Promise.resolve();
      },
      subscribe: (filters) => {
        if (!isOpen()) return Promise.reject(linkUnavailable(LINK_UNAVAILABLE_MESSAGE));
        client.filters = filters;
        for (const [topic, payload] of this.retained) {
          if (filters.some((filter) => isCovered(topic, filter))) {
            queueMicrotask(() => void client.handlers.received(topic, payload, { isRetained: true }));
          }
        }
        return Promise.resolve();
      },
      end: ({ isOrderly }) => {
        if (isOpen()) this.#drop(client, { reason: null, isWillDue: !isOrderly });
        return Promise.resolve();
      },
    };
  }

  #drop(client: Client, { reason, isWillDue }: { reason: string | null; isWillDue: boolean }): void {
    const { clientId, will } = client.options;
    this.#clients.delete(clientId);
    if (isWillDue && will !== undefined) {
      const { topic, payload, isRetained = false } = will;
      this.seen.push({ from: clientId, topic, payload });
      this.publish(topic, payload, { isRetained });
    }
    queueMicrotask(() => client.handlers.closed(reason, { isRefused: false }));
  }
}
