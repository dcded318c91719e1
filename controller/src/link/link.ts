/**
 * The controller's link to its devices: hears shards, each in a session of its own or all in one, decodes by `decodeFor`
 * and hands each message to the domain that asked for its kind. A message is acknowledged to the broker when its handler
 * is done. What does not decode is counted and dropped. Never decides anything and never touches the database.
 */
import {
  allShards,
  assert,
  type BodyOf,
  type Channel,
  type DeviceId,
  type DownChannel,
  decodeFor,
  decodeFrame,
  encodeFrame,
  encodeMessage,
  type FleetId,
  type Frame,
  type FrameKind,
  KEEPALIVE_S,
  type Kind,
  kindOfChannel,
  type Message,
  parseTopic,
  SHARD_UNACKNOWLEDGED_MAX,
  type Shard,
  shardClientIdOf,
  shardFilters,
  topicOf,
  type UpChannel,
  type Uuid,
} from '@nanofleet/protocol';
import type { Clock, Log, TlsIdentity, Transport } from '@nanofleet/runtime/ports';
import { factsOf } from '../ports/log.ts';
import type { BrokerRights } from './broker-rights.ts';
import { Session } from './session.ts';

/** Client id of the one session at the embedded broker. */
const ALONE = 'controller';
const OPEN_WITHIN_MS = 10_000;

/** Takes one message; what it throws is logged, and the link goes on. `channel` tells which job or round it belongs to. */
export type Handler<K extends Kind> = (message: Message<K>, channel: Channel) => void | Promise<void>;
/** Takes one frame of a round, likewise. */
export type FrameHandler = (frame: Frame, from: { device: DeviceId; round: Uuid }) => void | Promise<void>;

/** What to send beside the body. */
export interface SendOptions {
  readonly correlation?: Uuid;
  /** Kept by the broker for later subscribers. */
  readonly isRetained?: boolean;
  /** Time left to the deadline, milliseconds. */
  readonly remainingMs?: number;
}

/** Ports and identity of a link. */
export interface LinkOptions {
  readonly fleet: FleetId;
  readonly clock: Clock;
  readonly log: Log;
}

/** How a link comes in. */
export interface LinkAccess {
  readonly transport: Transport;
  /** Address of the broker; means nothing to a transport inside the process. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly tls?: TlsIdentity;
  readonly rights: BrokerRights;
}

/** Told of shards that are heard for the first time since their broker began. */
export type Fresh = (shards: readonly Shard[]) => Promise<void>;

/** What can be sent to a device on a channel of the same name. */
export type DownKind = Extract<Kind, DownChannel>;
/** Steps of a round that a controller sends. */
export type DownStep = 'plan' | 'result';

/** The link. Handlers are registered before `start`. */
export class Link {
  readonly #options: LinkOptions;
  readonly #handlers = new Map<Kind, Handler<Kind>>();
  readonly #frameHandlers = new Map<FrameKind, FrameHandler>();
  /** What sends; on the embedded broker it also hears. */
  #session: Session | null = null;
  /** What hears, by shard. */
  readonly #heard = new Map<Shard, Session>();
  #access: LinkAccess | null = null;
  #fresh: Fresh = () => Promise.resolve();
  /** Since the process started. */
  readonly counts = { messages: 0, malformed: 0 };

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Says who takes the messages of a kind; one taker per kind. */
  on<K extends Kind>(kind: K, handler: Handler<K>): void {
    this.#handlers.set(kind, handler as unknown as Handler<Kind>);
  }

  /** Says who takes the frames of a kind; one taker per kind. */
  onFrame(kind: FrameKind, handler: FrameHandler): void {
    this.#frameHandlers.set(kind, handler);
  }

  /** Says who is told of shards whose broker has forgotten their sessions, before anything of them is heard again. */
  onFresh(fresh: Fresh): void {
    this.#fresh = fresh;
  }

  /** Comes in at a broker of this process, and hears all shards until `close`. */
  async startAlone(access: LinkAccess): Promise<void> {
    this.#access = access;
    this.#session = this.#makeSession(access, { clientId: ALONE, shards: allShards(), keepaliveS: 0 });
    await this.#session.open(OPEN_WITHIN_MS);
  }

  /**
   * Comes in at a broker of others, to send; `hear` says what is heard.
   * @throws NanofleetError BROKER_UNAVAILABLE
   */
  async start(access: LinkAccess, clientId: string): Promise<void> {
    this.#access = access;
    this.#session = this.#makeSession(access, { clientId, shards: [], keepaliveS: KEEPALIVE_S });
    await this.#session.open(OPEN_WITHIN_MS);
  }

  /** Hears a shard until `leave`: takes the session over from whoever heard it before. */
  hear(shard: Shard): void {
    const access = this.#access;
    if (access === null || this.#heard.has(shard)) return;
    const clientId = shardClientIdOf(this.#options.fleet, shard);
    const session = this.#makeSession(access, { clientId, shards: [shard], keepaliveS: KEEPALIVE_S });
    this.#heard.set(shard, session);
    session.keep();
  }

  /** Hears a shard no more; what was not acknowledged waits at the broker for whoever comes next. */
  async leave(shard: Shard): Promise<void> {
    const session = this.#heard.get(shard);
    this.#heard.delete(shard);
    await session?.close();
  }

  /** Whether messages can flow now. */
  get isConnected(): boolean {
    return this.#session?.isConnected ?? false;
  }

  /** Sends a message to a device, at least once while the broker lives. */
  async send<K extends DownKind>(
    device: DeviceId,
    message: { kind: K; body: BodyOf<K> },
    options: SendOptions = {},
  ): Promise<void> {
    await this.#publish(device, { channel: { kind: message.kind }, message }, options);
  }

  /** Sends a job to a device. */
  async sendJob(device: DeviceId, job: Uuid, body: BodyOf<'job'>): Promise<void> {
    await this.#publish(device, { channel: { kind: 'job', job }, message: { kind: 'job', body } }, {});
  }

  /** Sends a step of a round to a device. */
  async sendRound<S extends DownStep>(
    device: DeviceId,
    step: { round: Uuid; step: S; body: BodyOf<`round/${S}`> },
    options: Pick<SendOptions, 'remainingMs'> = {},
  ): Promise<void> {
    const channel = { kind: 'round', round: step.round, step: step.step } as const;
    await this.#publish(
      device,
      { channel, message: { kind: `round/${step.step}`, body: step.body } },
      { ...options, correlation: step.round },
    );
  }

  /** Sends a frame to a device; it may be lost with the connection. */
  async sendFrame(device: DeviceId, channel: Channel, frame: Frame): Promise<void> {
    const topic = topicOf({ fleet: this.#options.fleet, device, channel });
    await this.#session?.publish(topic, encodeFrame(frame), { isRetained: false });
  }

  async #publish(
    device: DeviceId,
    { channel, message }: { channel: Channel; message: { kind: Kind; body: unknown } },
    { isRetained = false, ...header }: SendOptions,
  ): Promise<void> {
    const { clock, fleet } = this.#options;
    const payload = encodeMessage({ ...message, ...header, device, at: clock.unixMs() } as Message);
    const topic = topicOf({ fleet, device, channel });
    await this.#session?.publish(topic, payload, { isRetained });
  }

  /** Makes the broker forget what it keeps on a channel of a device. */
  async clearRetained(device: DeviceId, kind: DownChannel | UpChannel): Promise<void> {
    const topic = topicOf({ fleet: this.#options.fleet, device, channel: { kind } });
    await this.#session?.publish(topic, new Uint8Array(), { isRetained: true });
  }

  /** Ends the session of a device; it comes again with what was not acknowledged. */
  drop(device: DeviceId): void {
    this.#access?.rights.drop(device);
  }

  /** Rights of devices at the broker. */
  get rights(): BrokerRights {
    assert(this.#access !== null, 'the link has been started');
    return this.#access.rights;
  }

  /** Ends the link. */
  async close(): Promise<void> {
    const heard = [...this.#heard.values()];
    this.#heard.clear();
    await Promise.all(heard.map((session) => session.close()));
    await this.#session?.close();
  }

  #makeSession(
    { password, tls, transport, url, username }: LinkAccess,
    { clientId, keepaliveS, shards }: { clientId: string; keepaliveS: number; shards: readonly Shard[] },
  ): Session {
    const { clock, fleet, log } = this.#options;
    return new Session({
      clock,
      log,
      transport,
      login: {
        ...{ url, clientId, username, password, keepaliveS },
        ...(tls === undefined ? {} : { tls }),
        // What hears is kept by the broker while nobody does; what only sends keeps its messages itself.
        isPersistent: shards.length > 0,
        // Alone, the broker is this process: what it does not read would stop all devices.
        ...(clientId === ALONE ? {} : { unacknowledgedMax: SHARD_UNACKNOWLEDGED_MAX }),
      },
      filters: shards.flatMap((shard) => shardFilters(fleet, shard)),
      fresh: () => (shards.length === 0 ? Promise.resolve() : this.#fresh(shards)),
      received: (topic, payload) => this.#take(topic, payload),
    });
  }

  /** Takes a message; what it gives resolves when the message may be acknowledged to the broker. */
  #take(topic: string, bytes: Uint8Array): void | Promise<void> {
    // An empty retained message is how a channel is cleared; it says nothing.
    if (bytes.length === 0) return undefined;
    this.counts.messages += 1;
    try {
      return this.#dispatch(topic, bytes);
    } catch (thrown) {
      this.counts.malformed += 1;
      this.#options.log.warn('a message was dropped', {
        topic: topic.slice(0, 200),
        ...factsOf(thrown),
      });
      return undefined;
    }
  }

  #dispatch(topic: string, bytes: Uint8Array): void | Promise<void> {
    const { channel, device } = parseTopic(topic);
    const kind = kindOfChannel(channel);
    if (kind === null) return this.#takeFrame(device, channel, bytes);
    const handler = this.#handlers.get(kind);
    if (handler === undefined) return undefined;
    const message = decodeFor({ kind, device }, bytes);
    const failed = (thrown: unknown) =>
      this.#options.log.error('a message could not be handled', { kind, device, ...factsOf(thrown) });
    return handler(message, channel)?.catch(failed);
  }

  #takeFrame(device: DeviceId, channel: Channel, bytes: Uint8Array): void | Promise<void> {
    if (channel.kind !== 'round') return undefined;
    const frame = decodeFrame(bytes);
    const { round } = channel;
    const failed = (thrown: unknown) =>
      this.#options.log.error('a frame could not be handled', { round, device, ...factsOf(thrown) });
    return this.#frameHandlers.get(frame.kind)?.(frame, { device, round })?.catch(failed);
  }
}
