// A device that only sends events and counts acknowledgements, over a socket of its own: some 10 µs per record, where a
// whole MQTT client costs 50. It keeps the protocol of the outbox: a window, the controller's own acknowledgement as the
// only one that counts, everything unacknowledged again after a reconnect or a silence.
import { connect, type Socket } from 'node:net';
import {
  ackSchema,
  type BodyOf,
  clientIdOf,
  type DeviceId,
  encodeMessage,
  type FleetId,
  type Message,
  topicOf,
} from '@nanofleet/protocol';

const RECONNECT_MS = 200;
/** A sequence that stands in the template where each record's own goes. */
const MARK = 987_654_321;
const CONNACK = 0x20;
const PUBLISH = 0x30;
const SUBACK = 0x90;

/** Who it is. */
export interface RawLogin {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  readonly credential: string;
}

const EVENT = {
  type: 'decision',
  decision: '01890a5d-ac96-774b-bcce-b302099a8057',
  line: 'intent',
  version: '1.0.0',
  tier: 'nano',
  micros: 12,
  label: 'lights_on',
  confidence: 0.9,
  outOfScope: 0.1,
  verdict: 'sure',
} as BodyOf<'event'>;

const text = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

const lengthBytes = (length: number): Buffer => {
  const bytes: number[] = [];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) | 0x80);
    if (rest < 128) return Buffer.from(bytes);
  }
};

/** A packet (MQTT 3.1.1, 2). */
const packet = (first: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([first]), lengthBytes(body.length), body]);
};

/** What one device needs. */
export interface RawOptions {
  readonly login: RawLogin;
  readonly port: number;
  /** 16 hex digits. */
  readonly epoch: string;
  /** Records sent and not acknowledged. */
  readonly window: number;
  /** Told of each acknowledgement. */
  readonly acknowledged?: (count: number) => void;
}

/** One device. */
export class RawDevice {
  readonly #options: RawOptions;
  readonly #eventTopic: Buffer;
  readonly #before: Buffer;
  readonly #after: Buffer;
  readonly #open = new Set<number>();
  #next = 0;
  #target = 0;
  #acknowledged = 0;
  #heardMs = performance.now();
  #packetId = 0;
  #socket: Socket | null = null;
  #received: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #isReady = false;
  #ready: (() => void) | null = null;

  constructor(options: RawOptions) {
    this.#options = options;
    const { device, fleet } = options.login;
    this.#eventTopic = text(topicOf({ fleet, device, channel: { kind: 'event' } }));
    const record = { epoch: options.epoch, sequence: MARK };
    const whole = encodeMessage({ kind: 'event', device, at: 1, record, body: EVENT } as Message);
    const [before = '', after = ''] = Buffer.from(whole).toString('utf8').split(String(MARK));
    this.#before = Buffer.from(before);
    this.#after = Buffer.from(after);
  }

  /** Connects, and again whenever the connection ends; resolves when it hears acknowledgements. */
  connect(): Promise<void> {
    return new Promise((resolve) => {
      this.#ready = resolve;
      this.#dial();
    });
  }

  /** Has so many more records to send. */
  produce(count: number): void {
    this.#target += count;
    this.#pump();
  }

  /** Records that the controller has acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Records that were made. */
  get produced(): number {
    return this.#target;
  }

  /** Name of the device. */
  get device(): DeviceId {
    return this.#options.login.device;
  }

  /** Sends everything unacknowledged again when nothing was heard for so long. */
  checkSilence(silentMs: number): void {
    if (this.#open.size === 0 || performance.now() - this.#heardMs < silentMs) return;
    this.#heardMs = performance.now();
    this.#sendAgain();
  }

  /** Ends it. */
  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  #dial(): void {
    const { credential, device, fleet } = this.#options.login;
    const id = clientIdOf(fleet, device);
    const socket = connect({ port: this.#options.port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    this.#isReady = false;
    const flags = 0x80 | 0x40 | 0x02;
    socket.on('connect', () =>
      socket.write(
        packet(0x10, text('MQTT'), Buffer.from([4, flags, 0, 0]), text(id), text(id), text(credential)),
      ),
    );
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isReady = false;
      if (!this.#isClosed) setTimeout(() => this.#dial(), RECONNECT_MS).unref();
    });
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    for (;;) {
      const length = this.#nextLength();
      if (length === null) return;
      const whole = this.#received.subarray(0, length.header + length.body);
      this.#received = this.#received.subarray(whole.length);
      this.#packetIn(whole[0] ?? 0, whole.subarray(length.header));
    }
  }

  #nextLength(): { header: number; body: number } | null {
    let body = 0;
    for (let at = 1; at < 5; at += 1) {
      const byte = this.#received[at];
      if (byte === undefined) return null;
      body += (byte & 0x7f) * 128 ** (at - 1);
      if (byte < 0x80) return this.#received.length >= at + 1 + body ? { header: at + 1, body } : null;
    }
    return null;
  }

  #packetIn(first: number, body: Buffer): void {
    const kind = first & 0xf0;
    if (kind === CONNACK && body[1] === 0) this.#subscribe();
    else if (kind === SUBACK) this.#begin();
    else if (kind === PUBLISH) this.#message(first, body);
  }

  #subscribe(): void {
    const { device, fleet } = this.#options.login;
    const topic = topicOf({ fleet, device, channel: { kind: 'ack' } });
    this.#socket?.write(packet(0x82, Buffer.from([0, 1]), text(topic), Buffer.from([1])));
  }

  #begin(): void {
    this.#isReady = true;
    this.#ready?.();
    this.#ready = null;
    this.#sendAgain();
    this.#pump();
  }

  #message(first: number, body: Buffer): void {
    const topicBytes = body.readUInt16BE(0);
    const qos = (first >> 1) & 3;
    const payload = body.subarray(2 + topicBytes + (qos > 0 ? 2 : 0));
    if (qos > 0)
      this.#socket?.write(
        Buffer.concat([Buffer.from([0x40, 2]), body.subarray(2 + topicBytes, 4 + topicBytes)]),
      );
    const { body: ack } = JSON.parse(payload.toString('utf8')) as { body: unknown };
    const { epoch, ranges } = ackSchema.parse(ack);
    if (epoch !== this.#options.epoch) return;
    let count = 0;
    for (const [from, to] of ranges) {
      for (let sequence = from; sequence <= to; sequence += 1) if (this.#open.delete(sequence)) count += 1;
    }
    this.#heardMs = performance.now();
    this.#acknowledged += count;
    if (count > 0) this.#options.acknowledged?.(count);
    this.#pump();
  }

  #pump(): void {
    if (!this.#isReady) return;
    const packets: Buffer[] = [];
    while (this.#next < this.#target && this.#open.size < this.#options.window) {
      this.#open.add(this.#next);
      packets.push(this.#record(this.#next));
      this.#next += 1;
    }
    if (packets.length > 0) this.#socket?.write(Buffer.concat(packets));
  }

  #sendAgain(): void {
    const packets = [...this.#open].map((sequence) => this.#record(sequence));
    if (packets.length > 0) this.#socket?.write(Buffer.concat(packets));
  }

  #record(sequence: number): Buffer {
    this.#packetId = (this.#packetId % 65_535) + 1;
    const id = Buffer.from([this.#packetId >> 8, this.#packetId & 0xff]);
    return packet(0x32, this.#eventTopic, id, this.#before, Buffer.from(String(sequence)), this.#after);
  }
}
