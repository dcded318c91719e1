// The broker of the world, with what of MQTT matters: acknowledgement of QoS 1 that does not say delivered, messages
// twice, retained ones, wills, persistent sessions, one connection per client id, rights; over links that delay, cut and
// fall silent. In order within a client, in any order between clients. Lives and dies with the controller, as the
// embedded one does.

import type { Gate, LinkAccess } from '@nanofleet/controller';
import {
  clientIdOf,
  type DeviceId,
  deviceIdSchema,
  deviceRights,
  type FleetId,
  isCovered,
} from '@nanofleet/protocol';
import { type Connection, linkUnavailable, type Random, type Transport } from '@nanofleet/runtime/ports';
import { BrokerClient, REFUSED } from './broker-client.ts';
import type { Life } from './life.ts';
import type { NetworkPath } from './network-path.ts';
import type { World } from './world.ts';

/** Share of messages to the controller that come twice. */
const TWICE = 0.05;
const REFUSED_AFTER_MS = 200;
/** A broker forgets its oldest message for a session that is away beyond so many. */
const QUEUE_MAX = 10_000;

/** Told of what the broker does: the invariants look here, not into the broker. */
export interface BrokerWitness {
  /** A message of a client was accepted. */
  accepted(clientId: string, topic: string, payload: Uint8Array): void;
  /** A message was handed to a client. */
  delivered(clientId: string, topic: string, payload: Uint8Array): void;
}

/** Rules that a mutation may break, to prove that somebody notices. */
export interface BrokerRules {
  readonly mayPublish: (rights: readonly string[], topic: string) => boolean;
  readonly isMeant: (filters: readonly string[], topic: string) => boolean;
}

/** As they are. */
export const PROPER_RULES: BrokerRules = {
  mayPublish: (rights, topic) => rights.some((right) => isCovered(topic, right)),
  isMeant: (filters, topic) => filters.some((filter) => isCovered(topic, filter)),
};

interface Session {
  filters: readonly string[];
  client: BrokerClient | null;
  readonly isPersistent: boolean;
  /** Given and not acknowledged; what comes again after the connection has ended. */
  readonly unacknowledged: Set<{ topic: string; payload: Uint8Array }>;
  readonly queue: { topic: string; payload: Uint8Array }[];
}

/** What a broker needs. */
export interface BrokerOptions {
  readonly world: World;
  readonly fleet: FleetId;
  readonly secret: string;
  readonly witness: BrokerWitness;
  readonly rules: BrokerRules;
}

/** The broker. */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #random: Random;
  readonly #sessions = new Map<string, Session>();
  readonly #retained = new Map<string, Uint8Array>();
  readonly #clients = new Set<BrokerClient>();
  readonly #filtersOf = new Map<string, readonly string[]>();
  readonly #meantBy = new Map<string, readonly string[]>();
  /** How often each device was dropped: a login that began before the last drop is not let in. */
  readonly #drops = new Map<string, number>();
  #gate: Gate | null = null;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#random = options.world.chance('broker');
  }

  /** Opens with whoever decides on logins; gives the controller's way in. */
  open(gate: Gate, life: Life): LinkAccess {
    this.#gate = gate;
    return {
      transport: { connect: (options, handlers) => this.#connect({ options, handlers, life, path: null }) },
      url: 'mqtt://embedded',
      username: 'controller',
      password: this.#options.secret,
      rights: {
        grant: (device) => Promise.resolve(this.drop(device)),
        revoke: (device) => Promise.resolve(this.drop(device)),
        drop: (device) => this.drop(device),
        granted: () => Promise.resolve([]),
        onReady: () => undefined,
      },
    };
  }

  /** The way in of a device. */
  transportOf(life: Life, path: NetworkPath): Transport {
    return { connect: (options, handlers) => this.#connect({ options, handlers, life, path }) };
  }

  /** Ends the session of a device, also one that is about to begin; its will is published. */
  drop(device: DeviceId): void {
    this.#drops.set(device, (this.#drops.get(device) ?? 0) + 1);
    const session = this.#sessions.get(clientIdOf(this.#options.fleet, device));
    if (session?.client) this.#end(session.client, { reason: 'dropped', isWillDue: true });
  }

  /** Ends the controller's own connections; the sessions stay. */
  cutInner(): void {
    for (const client of [...this.#clients]) {
      if (client.path === null) this.#end(client, { reason: 'cut', isWillDue: false });
    }
  }

  /** Ends with its process: nothing of it stays, no will is published. */
  crash(): void {
    this.#gate = null;
    for (const client of [...this.#clients]) this.#end(client, { reason: 'reset', isWillDue: false });
    this.#sessions.clear();
    this.#retained.clear();
  }

  /** The life of a client's process has ended, or its link was cut: what the broker notices, and when. */
  lost(path: NetworkPath, options: { isSilent: boolean }): void {
    for (const client of [...this.#clients].filter((found) => found.path === path)) {
      const keepaliveMs = client.options.keepaliveS * 1_000;
      const noticedMs = options.isSilent ? keepaliveMs * 1.5 : 5;
      client.mute();
      this.#options.world.after(noticedMs, () =>
        this.#end(client, { reason: null, isWillDue: true, isFar: true }),
      );
      client.noticeLoss(options.isSilent ? keepaliveMs * (1 + this.#random.share() / 2) : 5);
    }
  }

  #connect(asked: Pick<BrokerClient, 'options' | 'handlers' | 'life' | 'path'>): Connection {
    const client = new BrokerClient(this.#options.world, asked);
    if (asked.path === null) queueMicrotask(() => this.#admitInner(client));
    else client.up(() => void this.#admitDevice(client));
    if (asked.path?.isUp === false) client.noticeLoss(REFUSED_AFTER_MS);
    client.giveUpAfter(asked.options.connectTimeoutMs);
    return this.#connectionOf(client);
  }

  #admitInner(client: BrokerClient): void {
    const isRight = client.options.password === this.#options.secret && this.#gate !== null;
    if (isRight) this.#admit(client);
    else client.close(REFUSED);
  }

  async #admitDevice(client: BrokerClient): Promise<void> {
    const gate = this.#gate;
    if (gate === null) return client.down(() => client.close('nobody listens'));
    this.#clients.add(client);
    const { clientId, password } = client.options;
    const name = clientId.slice(this.#options.fleet.length + 1);
    const drops = this.#drops.get(name);
    const device = await gate.admit({ clientId, credential: password }).catch(() => null);
    if (client.isEnded || this.#gate !== gate) return;
    if (device === null || drops !== this.#drops.get(name))
      this.#end(client, { reason: REFUSED, isWillDue: false });
    else this.#admit(client);
  }

  #admit(client: BrokerClient): void {
    const { clientId, isPersistent = false } = client.options;
    const before = this.#sessions.get(clientId);
    if (before?.client) this.#end(before.client, { reason: 'taken over', isWillDue: true });
    const kept = isPersistent ? this.#sessions.get(clientId) : undefined;
    const session: Session = kept ?? {
      filters: [],
      client,
      isPersistent,
      unacknowledged: new Set(),
      queue: [],
    };
    session.client = client;
    client.isAdmitted = true;
    this.#sessions.set(clientId, session);
    this.#clients.add(client);
    this.#options.world.note('connected', clientId);
    this.#answer(client, () => client.open({ isSessionKept: kept !== undefined }));
    for (const { topic, payload } of session.queue.splice(0))
      this.#hand(client, { topic, payload, isRetained: false });
  }

  /** To the controller at once, to a device over its link. */
  #answer(client: BrokerClient, act: () => void): void {
    if (client.path === null) queueMicrotask(act);
    else client.down(act);
  }

  #connectionOf(client: BrokerClient): Connection {
    return {
      publish: (topic, payload, { qos, isRetained }) =>
        client.ask((answered) => {
          const take = (): void => {
            if (!this.#accept(client, { topic, payload, isRetained })) return;
            if (qos === 1) this.#answer(client, answered);
          };
          if (client.path === null) take();
          else client.up(take);
          if (qos === 0) answered();
        }),
      subscribe: (filters) =>
        client.ask((answered) => {
          const take = (): void => this.#subscribe(client, filters, answered);
          if (client.path === null) take();
          else client.up(take);
        }),
      end: ({ isOrderly }) => {
        const far = (): void => this.#end(client, { reason: null, isWillDue: !isOrderly, isFar: true });
        if (client.path === null) far();
        else client.up(far);
        client.close(null);
        return Promise.resolve();
      },
    };
  }

  #accept(
    client: BrokerClient,
    message: { topic: string; payload: Uint8Array; isRetained: boolean },
  ): boolean {
    const { topic, payload, isRetained } = message;
    const rights = this.#rightsOf(client);
    if (rights !== null && !this.#options.rules.mayPublish(rights.publish, topic)) {
      this.#end(client, { reason: 'not allowed', isWillDue: true });
      return false;
    }
    this.#options.witness.accepted(client.options.clientId, topic, payload);
    if (isRetained && payload.length === 0) this.#retained.delete(topic);
    else if (isRetained) this.#retained.set(topic, payload);
    this.#route(topic, payload);
    return true;
  }

  #route(topic: string, payload: Uint8Array): void {
    for (const clientId of this.#meant(topic)) {
      const session = this.#sessions.get(clientId);
      // Connected again, and has not subscribed yet.
      if (session === undefined || session.filters.length === 0) continue;
      const { client } = session;
      if (client !== null) this.#hand(client, { topic, payload, isRetained: false });
      else if (session.isPersistent && session.queue.push({ topic, payload }) > QUEUE_MAX)
        session.queue.shift();
    }
  }

  /** Who is meant by a topic; looked up once, because a device subscribes to the same at each connection. */
  #meant(topic: string): readonly string[] {
    const known = this.#meantBy.get(topic);
    if (known !== undefined) return known;
    const all = [...this.#filtersOf].filter(([, filters]) => this.#options.rules.isMeant(filters, topic));
    const meant = all.map(([clientId]) => clientId);
    this.#meantBy.set(topic, meant);
    return meant;
  }

  #hand(client: BrokerClient, message: { topic: string; payload: Uint8Array; isRetained: boolean }): void {
    const { topic, payload, isRetained } = message;
    const hand = (): void => {
      if (!client.isOpen) return;
      this.#options.witness.delivered(client.options.clientId, topic, payload);
      const taken = client.handlers.received(topic, payload, { isRetained });
      if (taken !== undefined) this.#await(client, { topic, payload }, taken);
    };
    client.down(hand);
    if (client.path === null && this.#random.share() < TWICE) client.down(hand);
  }

  /** A message counts as given when what the client gave back is settled. */
  #await(client: BrokerClient, message: { topic: string; payload: Uint8Array }, taken: Promise<void>): void {
    const session = this.#sessions.get(client.options.clientId);
    if (session?.client !== client || !session.isPersistent) return;
    session.unacknowledged.add(message);
    void taken.finally(() => session.unacknowledged.delete(message));
  }

  #subscribe(client: BrokerClient, filters: readonly string[], answered: (refused?: unknown) => void): void {
    const rights = this.#rightsOf(client);
    const refused =
      rights === null ? undefined : filters.find((filter) => !rights.subscribe.includes(filter));
    if (refused !== undefined) {
      return this.#answer(client, () =>
        answered(linkUnavailable(`the broker refused to subscribe to ${refused}`)),
      );
    }
    const session = this.#sessions.get(client.options.clientId);
    if (session?.client !== client) return;
    session.filters = filters;
    if (this.#filtersOf.get(client.options.clientId)?.join() !== filters.join()) {
      this.#filtersOf.set(client.options.clientId, filters);
      this.#meantBy.clear();
    }
    this.#answer(client, () => answered());
    for (const [topic, payload] of this.#retained) {
      if (this.#options.rules.isMeant(filters, topic))
        this.#hand(client, { topic, payload, isRetained: true });
    }
  }

  #rightsOf({
    options,
    path,
  }: BrokerClient): { publish: readonly string[]; subscribe: readonly string[] } | null {
    if (path === null) return null;
    const { fleet } = this.#options;
    const device = deviceIdSchema.parse(options.clientId.slice(fleet.length + 1));
    return deviceRights(fleet, device);
  }

  /** The broker's end of a connection; the client hears of it, unless it is the one that knows already. */
  #end(
    client: BrokerClient,
    { isWillDue, isFar = false, reason }: { reason: string | null; isWillDue: boolean; isFar?: boolean },
  ): void {
    if (!this.#clients.delete(client)) return;
    const session = this.#sessions.get(client.options.clientId);
    if (session?.client === client) {
      session.client = null;
      session.queue.unshift(...session.unacknowledged);
      session.unacknowledged.clear();
      if (!session.isPersistent) this.#sessions.delete(client.options.clientId);
    }
    client.isEnded = true;
    const { clientId, will } = client.options;
    this.#options.world.note('disconnected', clientId, reason ?? 'ended');
    if (!isFar) this.#answer(client, () => client.close(reason));
    if (isWillDue && client.isAdmitted && will !== undefined) {
      this.#options.witness.accepted(clientId, will.topic, will.payload);
      this.#route(will.topic, will.payload);
    }
  }
}
