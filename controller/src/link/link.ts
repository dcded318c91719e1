/**
 * The controller's link to its devices: one session that hears all shards, decodes by `decodeFor` and hands
 * each message to the domain that asked for its kind. What does not decode is counted and dropped. Never decides
 * anything and never touches the database.
 */
import {
  allShards,
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
  type Kind,
  kindOfChannel,
  type Message,
  parseTopic,
  shardFilters,
  topicOf,
  type UpChannel,
  type Uuid,
} from '@nanofleet/protocol';
import type { Clock, Log, Transport } from '@nanofleet/runtime/ports';
import { factsOf } from '../ports/log.ts';
import { Session } from './session.ts';

const CLIENT_ID = 'controller';

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
  readonly secret: string;
  /** Ends the session of a device. */
  readonly drop: (device: DeviceId) => void;
}

/** What can be sent to a device on a channel of the same name. */
export type DownKind = Extract<Kind, DownChannel>;
/** Steps of a round that a controller sends. */
export type DownStep = 'plan' | 'result';

/** The link. Handlers are registered before `start`. */
export class Link {
  readonly #options: LinkOptions;
  readonly #handlers = new Map<Kind, Handler<Kind>>();
  readonly #frameHandlers = new Map<FrameKind, FrameHandler>();
  #session: Session | null = null;
  #drop: (device: DeviceId) => void = () => undefined;
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

  /** Connects and subscribes; resolves when all shards are heard, and holds the connection until `close`. */
  async start({ drop, secret, transport, url }: LinkAccess): Promise<void> {
    this.#drop = drop;
    const { clock, fleet, log } = this.#options;
    this.#session = await Session.start({
      clock,
      log,
      transport,
      url,
      clientId: CLIENT_ID,
      password: secret,
      filters: allShards().flatMap((shard) => shardFilters(fleet, shard)),
      received: (topic, payload) => this.#take(topic, payload),
    });
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

  /** Ends the session of a device. */
  drop(device: DeviceId): void {
    this.#drop(device);
  }

  /** Ends the link. */
  async close(): Promise<void> {
    await this.#session?.close();
  }

  #take(topic: string, bytes: Uint8Array): void {
    // An empty retained message is how a channel is cleared; it says nothing.
    if (bytes.length === 0) return;
    this.counts.messages += 1;
    try {
      this.#dispatch(topic, bytes);
    } catch (thrown) {
      this.counts.malformed += 1;
      this.#options.log.warn('a message was dropped', {
        topic: topic.slice(0, 200),
        ...factsOf(thrown),
      });
    }
  }

  #dispatch(topic: string, bytes: Uint8Array): void {
    const { channel, device } = parseTopic(topic);
    const kind = kindOfChannel(channel);
    if (kind === null) return this.#takeFrame(device, channel, bytes);
    const handler = this.#handlers.get(kind);
    if (handler === undefined) return;
    const message = decodeFor({ kind, device }, bytes);
    const failed = (thrown: unknown) =>
      this.#options.log.error('a message could not be handled', { kind, device, ...factsOf(thrown) });
    Promise.resolve(handler(message, channel)).catch(failed);
  }

  #takeFrame(device: DeviceId, channel: Channel, bytes: Uint8Array): void {
    if (channel.kind !== 'round') return;
    const frame = decodeFrame(bytes);
    const { round } = channel;
    const failed = (thrown: unknown) =>
      this.#options.log.error('a frame could not be handled', { round, device, ...factsOf(thrown) });
    Promise.resolve(this.#frameHandlers.get(frame.kind)?.(frame, { device, round })).catch(failed);
  }
}
