/**
 * The connection to the controller's broker: births, wills, reconnecting with jitter, and the end when another process
 * uses the same identity. Everything that was retained is derived again after each connect. Never crashes on an error.
 */

import {
  type Beat,
  type Birth,
  type BlobRequest,
  type BodyOf,
  blobFilter,
  type Channel,
  clientIdOf,
  deviceFilters,
  encodeFrame,
  encodeMessage,
  type Frame,
  HTTP_DEADLINE_MS,
  IDENTITY_IN_USE_WAIT_MS,
  type JobState,
  KEEPALIVE_BEATS,
  KEEPALIVE_MAX_S,
  KEEPALIVE_S,
  type Message,
  NanofleetError,
  type Reported,
  type RoundAccept,
  toNanofleetError,
  topicOf,
  type Uuid,
} from '@nanofleet/protocol';
import {
  type CancelTimer,
  type Clock,
  type Connection,
  type Log,
  linkUnavailable,
  pause,
  type Random,
  type TlsIdentity,
  type Transport,
} from '@nanofleet/runtime/ports';
import type { Identity } from '../store/identity.ts';
import type { SessionCounter } from '../store/session-counter.ts';
import { backoffMs } from './backoff.ts';
import { LeanBeats } from './lean-beats.ts';
import type { OutboxPump } from './outbox-pump.ts';

/** How long a reconnecting process looks for the birth that it or another one left behind. */
const BIRTH_WAIT_MS = 500;
/** Changes of the reported state within this time travel together; what leads to another one is told when it lasts. */
const REPORT_GATHER_MS: Readonly<Record<ReportChange, number>> = { state: 50, step: 2_000, heard: 30_000 };

/** A broker that does not answer a goodbye does not hold up the end. */
const GOODBYE_MS = 1_500;

/**
 * What has changed in what is reported: how things stand, or only how far the way to another state has come, or that there is to be one,
 * to which nothing has been done yet.
 */
export type ReportChange = 'state' | 'step' | 'heard';

/** State of the link as the status shows it. */
export type LinkState = 'connected' | 'connecting' | 'offline' | 'identity-in-use';

/** What the link needs. */
export interface LinkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly transport: Transport;
  readonly identity: Identity;
  /** What TLS is made of now; left out or null without a certificate. */
  readonly tls?: () => TlsIdentity | null;
  /** Interval of beats, milliseconds. */
  readonly beatMs: number;
  /** Random per process, 16 hex digits. */
  readonly instance: string;
  readonly sessions: SessionCounter;
  readonly pump: OutboxPump;
  /** Takes what arrives. */
  readonly received: (topic: string, payload: Uint8Array, options: { isRetained: boolean }) => void;
  readonly birth: (session: number) => Birth;
  readonly reported: (session: number) => Reported;
  /** Told of each connection, once it can be used. */
  readonly connected: () => void;
  /** Asks the controller to be let in at a broker that has refused this device; left out, nobody is asked. */
  readonly admit?: () => Promise<void>;
  /** Told when another process uses this identity, and when the wait after that is over. */
  readonly identityInUse: (isInUse: boolean) => void;
}

/** The link of a device. */
export class Link {
  readonly #options: LinkOptions;
  readonly #beats: LeanBeats;
  #state: LinkState = 'offline';
  #connection: Connection | null = null;
  /** The connection on which blobs are listened to; none before the first is asked for. */
  #blobsHeardOn: Connection | null = null;
  #failures = 0;
  #hasBeenBorn = false;
  #isStopped = false;
  #foundBirth: ((instance: string | null) => void) | null = null;
  #cancelRetry: CancelTimer | null = null;
  #nextReport: { readonly change: ReportChange; readonly cancel: CancelTimer } | null = null;
  #isAsking = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#beats = new LeanBeats(options.beatMs);
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Begins to connect, and goes on until `stop`. */
  start(): void {
    this.#isStopped = false;
    this.#connect();
  }

  /** Says goodbye and ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    const connection = this.#connection;
    if (connection === null) return;
    const goodbye = async (): Promise<void> => {
      if (this.#state === 'connected') await this.#publish('death', this.#death('stopped'), { qos: 1 });
      this.#options.pump.close();
      await connection.end({ isOrderly: true });
    };
    await Promise.race([goodbye(), pause(this.#options.clock, GOODBYE_MS)]);
  }

  /** Sends a beat, if there is a connection. */
  beat(body: Beat): void {
    if (this.#state === 'connected') void this.#publish('beat', this.#beats.next(body), { qos: 0 });
  }

  /** What is reported has changed. */
  reportChanged(change: ReportChange = 'state'): void {
    const next = this.#nextReport;
    const isSooner = next === null || REPORT_GATHER_MS[change] < REPORT_GATHER_MS[next.change];
    if (this.#state !== 'connected' || !isSooner) return;
    next?.cancel();
    const cancel = this.#options.clock.after(REPORT_GATHER_MS[change], () => {
      this.#nextReport = null;
      if (this.#state === 'connected') void this.#report();
    });
    this.#nextReport = { change, cancel };
  }

  /** Tells how a job went. */
  jobState(job: Uuid, body: JobState): void {
    void this.#publish('job/state', body, { qos: 1, channel: { kind: 'job/state', job } });
  }

  /** Tells whether this device takes part in a round. */
  roundAccept(round: Uuid, body: RoundAccept): void {
    const channel = { kind: 'round', round, step: 'accept' } as const;
    void this.#publish('round/accept', body, { qos: 1, channel });
  }

  /**
   * Sends frames in their order, at least once while the connection lives.
   * @throws NanofleetError LINK_UNAVAILABLE
   */
  async sendFrames(channel: Channel, frames: readonly Frame[]): Promise<void> {
    const { fleet, device } = this.#options.identity;
    const topic = topicOf({ fleet, device, channel });
    for (const frame of frames) {
      const connection = this.#connection;
      if (connection === null) throw linkUnavailable('it is not open');
      await connection.publish(topic, encodeFrame(frame), { qos: 1, isRetained: false });
    }
  }

  /**
   * Asks for a piece of a blob; the answer arrives as what is received.
   * @throws NanofleetError LINK_UNAVAILABLE
   */
  async askBlob(body: BlobRequest): Promise<void> {
    const connection = this.#connection;
    if (connection === null || this.#state !== 'connected') throw linkUnavailable('it is not open');
    const { device, fleet } = this.#options.identity;
    if (this.#blobsHeardOn !== connection) await connection.subscribe([blobFilter(fleet, device)]);
    this.#blobsHeardOn = connection;
    await this.#send('blob/req', body, { qos: 1 });
  }

  /** A birth of this device has arrived: its own, or one of another process with its identity. */
  bornElsewhere(birth: Birth, { isRetained }: { isRetained: boolean }): void {
    if (isRetained) this.#foundBirth?.(birth.instance);
  }

  #connect(): void {
    if (this.#isStopped) return;
    const { transport, identity, sessions } = this.#options;
    const { fleet, device } = identity;
    sessions.next();
    this.#state = 'connecting';
    const will = {
      topic: topicOf({ fleet, device, channel: { kind: 'death' } }),
      payload: this.#encode('death', this.#death('lost')),
    };
    const tls = this.#options.tls?.() ?? null;
    this.#connection = transport.connect(
      {
        url: identity.brokerUrl,
        clientId: clientIdOf(fleet, device),
        password: identity.credential,
        keepaliveS: keepaliveOf(this.#options.beatMs),
        connectTimeoutMs: HTTP_DEADLINE_MS,
        will,
        ...(tls === null ? {} : { tls }),
      },
      {
        opened: () => void this.#opened(),
        received: this.#options.received,
        closed: (reason, end) => this.#closed(reason, end),
      },
    );
  }

  async #opened(): Promise<void> {
    const connection = this.#connection;
    if (connection === null) return;
    try {
      await this.#introduce(connection);
    } catch (thrown) {
      this.#options.log.warn('link-not-opened', { why: toNanofleetError(thrown).message });
      // Still open: the broker has let it in and grants it nothing, as mosquitto does with a certificate without rights.
      if (this.#connection === connection) void this.#askAdmission();
      await connection.end({ isOrderly: false });
    }
  }

  async #introduce(connection: Connection): Promise<void> {
    const { identity, sessions, pump, birth } = this.#options;
    const last = this.#lastBirth();
    await connection.subscribe(deviceFilters(identity.fleet, identity.device));
    const instance = await last;
    if (instance !== null && instance !== this.#options.instance) return this.#giveWay(connection);
    await this.#send('birth', birth(sessions.current), { qos: 1, isRetained: true });
    this.#hasBeenBorn = true;
    this.#failures = 0;
    this.#state = 'connected';
    this.#options.log.info('link-connected', { session: sessions.current });
    pump.open((topic, payload) => connection.publish(topic, payload, { qos: 1, isRetained: false }));
    await this.#report();
    this.#options.connected();
  }

  /**
   * Instance of the retained birth; null when there is none, or when this process has not been born yet: then the birth
   * is that of the process before it.
   */
  #lastBirth(): Promise<string | null> {
    if (!this.#hasBeenBorn) return Promise.resolve(null);
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(BIRTH_WAIT_MS, () => this.#foundBirth?.(null));
      this.#foundBirth = (instance) => {
        cancel();
        this.#foundBirth = null;
        resolve(instance);
      };
    });
  }

  /** Two processes that take the connection from each other would both be of no use: this one leaves. */
  async #giveWay(connection: Connection): Promise<void> {
    this.#options.log.warn('identity-in-use');
    this.#options.identityInUse(true);
    await this.#report();
    this.#state = 'identity-in-use';
    await connection.end({ isOrderly: true });
  }

  #closed(reason: string | null, { isRefused }: { isRefused: boolean }): void {
    this.#connection = null;
    this.#foundBirth?.(null);
    this.#options.pump.close();
    if (this.#isStopped) {
      this.#state = 'offline';
      return;
    }
    if (this.#state === 'identity-in-use') return this.#retryAfter(IDENTITY_IN_USE_WAIT_MS);
    this.#failures += 1;
    this.#state = 'offline';
    const waitMs = backoffMs(this.#failures, this.#options.random.share());
    this.#options.log.info('link-lost', { why: reason ?? 'ended', waitMs: Math.round(waitMs) });
    if (isRefused) void this.#askAdmission();
    this.#retryAfter(waitMs);
  }

  /** Whatever comes of it, the next attempt is not held up: that one tells. Once at a time: each may end a session. */
  async #askAdmission(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      await this.#options.admit?.();
    } catch (thrown) {
      const { code, message } = toNanofleetError(thrown);
      this.#options.log.warn('not-admitted', { code, why: message });
    } finally {
      this.#isAsking = false;
    }
  }

  #retryAfter(milliseconds: number): void {
    this.#cancelRetry = this.#options.clock.after(milliseconds, () => {
      if (this.#state === 'identity-in-use') this.#options.identityInUse(false);
      this.#connect();
    });
  }

  #report(): Promise<void> {
    return this.#publish('reported', this.#options.reported(this.#options.sessions.current), { qos: 1 });
  }

  #death(reason: 'lost' | 'stopped'): BodyOf<'death'> {
    return { session: this.#options.sessions.current, instance: this.#options.instance, reason };
  }

  #encode<K extends UpKind>(kind: K, body: BodyOf<K>): Uint8Array {
    const { identity, clock } = this.#options;
    return encodeMessage({ device: identity.device, at: clock.unixMs(), kind, body } as Message);
  }

  /** Sends a message whose loss is no matter: the next connection makes it anew. */
  async #publish<K extends UpKind>(kind: K, body: BodyOf<K>, options: PublishOptions): Promise<void> {
    try {
      await this.#send(kind, body, options);
    } catch (thrown) {
      const { code, message }: NanofleetError = toNanofleetError(thrown);
      this.#options.log.warn('message-not-sent', { kind, code, why: message });
    }
  }

  async #send<K extends UpKind>(kind: K, body: BodyOf<K>, options: PublishOptions): Promise<void> {
    const connection = this.#connection;
    if (connection === null) throw linkUnavailable('it is not open');
    const { fleet, device } = this.#options.identity;
    const channel = options.channel ?? ({ kind } as Channel);
    const topic = topicOf({ fleet, device, channel });
    await connection.publish(topic, this.#encode(kind, body), {
      qos: options.qos,
      isRetained: options.isRetained ?? false,
    });
  }
}

/** Beats keep a connection alive: pings between rare ones would cost ten times their bytes. */
const keepaliveOf = (beatMs: number): number =>
  Math.min(KEEPALIVE_MAX_S, Math.max(KEEPALIVE_S, Math.ceil((beatMs / 1_000) * KEEPALIVE_BEATS)));

type UpKind = 'birth' | 'death' | 'beat' | 'reported' | 'job/state' | 'round/accept' | 'blob/req';

interface PublishOptions {
  readonly qos: 0 | 1;
  readonly isRetained?: boolean;
  readonly channel?: Channel;
}
