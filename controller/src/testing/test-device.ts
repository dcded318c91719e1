/**
 * A device for tests: enrols, connects, sends and hears messages of the protocol, keeps nothing. Only tests import this.
 */
import {
  type Ack,
  type BodyOf,
  DEVICE_PATHS,
  type DesiredState,
  type DeviceId,
  decodeFrame,
  decodeMessage,
  desiredStateSchema,
  deviceFilters,
  encodeFrame,
  encodeMessage,
  enrolAnswerSchema,
  enrolmentSchema,
  errorOfProblem,
  type Frame,
  framesOf,
  isFrame,
  type Kind,
  type Message,
  type OffloadResponse,
  topicOf,
  type UpChannel,
  type Uuid,
} from '@nanofleet/protocol';
import { generateSigningKey, type SigningKey, signBytes } from '@nanofleet/protocol/node';
import mqtt, { type MqttClient } from 'mqtt';
import type { z } from 'zod';
import { systemClock } from '../ports/clock.ts';
import { systemRandom } from '../ports/random.ts';

/** What an enrolment gave. */
export type Enrolment = z.infer<typeof enrolmentSchema>;

/** What to enrol with. */
export interface EnrolOptions {
  readonly name: string;
  readonly token: { readonly id: string; readonly secret: string };
  readonly key?: SigningKey;
  /** Signs instead of the key. */
  readonly proofBy?: SigningKey;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** Return code of a refused subscription (MQTT 3.1.1, 3.9.3). */
const REFUSED = 128;

/** The message in a payload; null for one that a test sent broken and that came back. */
const readable = (payload: Uint8Array): Message | null => {
  try {
    return decodeMessage(payload);
  } catch {
    return null;
  }
};

/** Asks for enrolment; rejects with the controller's own error. */
export const enrolRaw = async (url: string, options: EnrolOptions) => {
  const key = options.key ?? generateSigningKey();
  const nonce = systemRandom.bytes(32);
  const response = await fetch(`${url}${DEVICE_PATHS.enrol}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      tokenId: options.token.id,
      secret: options.token.secret,
      device: options.name,
      publicKey: base64(key.publicKey),
      nonce: base64(nonce),
      proof: signBytes(options.proofBy ?? key, nonce),
    }),
  });
  const body: unknown = await response.json();
  const problem = errorOfProblem(body);
  if (problem !== null) throw problem;
  return enrolAnswerSchema.parse(body);
};

/** Enrols a device. */
export const enrolDevice = async (url: string, options: EnrolOptions): Promise<Enrolment> =>
  enrolmentSchema.parse(JSON.parse((await enrolRaw(url, options)).signed));

/** An event that says which label a device decided on. */
export const decisionMade = (label = 'lights_on'): BodyOf<'event'> =>
  ({
    type: 'decision',
    decision: '01890a5d-ac96-774b-bcce-b302099a8057',
    line: 'intent',
    version: '1.0.0',
    tier: 'nano',
    micros: 12,
    label,
    confidence: 0.9,
    outOfScope: 0.1,
    verdict: 'sure',
  }) as BodyOf<'event'>;

/** An enrolled device. */
export class TestDevice {
  readonly enrolment: Enrolment;
  readonly heard: Message[] = [];
  readonly frames: Frame[] = [];
  readonly instance: string;
  session = 0;
  #brokerUrl: string;
  #client: MqttClient | null = null;
  #isClosed = false;

  constructor(enrolment: Enrolment, options: { brokerUrl: string; instance?: string }) {
    this.enrolment = enrolment;
    this.#brokerUrl = options.brokerUrl;
    this.instance = options.instance ?? Buffer.from(systemRandom.bytes(8)).toString('hex');
  }

  /** Its name. */
  get name(): DeviceId {
    return this.enrolment.device;
  }

  /** Bearer of its downloads. */
  get bearer(): string {
    return `${this.enrolment.fleet}.${this.name}:${this.enrolment.credential}`;
  }

  /** Whether its session ended by itself. */
  get isCut(): boolean {
    return this.#isClosed;
  }

  /** Connects and subscribes; rejects when the broker refuses. */
  async connect(options: { brokerUrl?: string; password?: string; clientId?: string } = {}): Promise<void> {
    this.#brokerUrl = options.brokerUrl ?? this.#brokerUrl;
    const { device, fleet } = this.enrolment;
    this.session += 1;
    const clientId = options.clientId ?? `${fleet}.${device}`;
    const client = mqtt.connect(this.#brokerUrl, {
      clientId,
      username: `${fleet}.${device}`,
      password: options.password ?? this.enrolment.credential,
      protocolVersion: 4,
      reconnectPeriod: 0,
      manualConnect: true,
      will: {
        topic: this.#topic('death'),
        payload: Buffer.from(this.#encode('death', { ...this.mark, reason: 'lost' })),
        qos: 1,
        retain: false,
      },
    });
    this.#client = client;
    this.#isClosed = false;
    client.on('close', () => {
      if (this.#client === client) this.#isClosed = true;
    });
    client.on('message', (_topic, payload) => {
      if (isFrame(payload)) this.frames.push(decodeFrame(payload));
      const message = readable(payload);
      if (message !== null) this.heard.push(message);
    });
    await new Promise<void>((resolve, reject) => {
      client.on('connect', () => resolve());
      client.on('error', reject);
      client.on('close', () => reject(new TypeError('the broker closed the connection')));
      client.connect();
    });
    await client.subscribeAsync(deviceFilters(fleet, device), { qos: 1 });
  }

  /** Session and process, as messages carry them. */
  get mark() {
    return { session: this.session, instance: this.instance };
  }

  /** Says that it is there. */
  birth(given: Partial<BodyOf<'birth'>> = {}): Promise<void> {
    const body = {
      ...this.mark,
      agentVersion: '0.1.0',
      engine: { name: 'test', version: '1' },
      host: { arch: 'x64', node: '20', memoryBytes: 1 },
      lines: {},
      desiredVersion: 0,
      awaiting: [],
      ...given,
    };
    return this.send('birth', body, { retain: true });
  }

  /** Sends a message on its own topic. */
  async send<K extends Kind & UpChannel>(
    kind: K,
    body: BodyOf<K>,
    options: {
      retain?: boolean;
      record?: { epoch: string; sequence: number };
      remainingMs?: number;
      correlation?: string;
    } = {},
  ): Promise<void> {
    const { retain = false, ...header } = options;
    await this.publish(this.#topic(kind), this.#encode(kind, body, header), retain);
  }

  /** Says how far a job is. */
  async sendJobState(job: Uuid, body: BodyOf<'job/state'>): Promise<void> {
    const { device, fleet } = this.enrolment;
    const topic = topicOf({ fleet, device, channel: { kind: 'job/state', job } });
    await this.publish(topic, this.#encode('job/state', body));
  }

  /** Sends a step of a round. */
  async sendRound<S extends 'accept'>(round: Uuid, step: S, body: BodyOf<`round/${S}`>): Promise<void> {
    await this.publish(this.#roundTopic(round, step), this.#encode(`round/${step}`, body));
  }

  /** Sends the bytes of an update, in as many frames as they need. */
  async sendUpdate(round: Uuid, bytes: Uint8Array): Promise<void> {
    for (const frame of framesOf({ kind: 'update', correlation: round, bytes })) {
      await this.publish(this.#roundTopic(round, 'update'), encodeFrame(frame));
    }
  }

  /** The newest plan of a round, and which round it is. */
  get plan(): { round: Uuid; body: BodyOf<'round/plan'>; remainingMs: number } | undefined {
    const newest = this.heard.filter((message) => message.kind === 'round/plan').at(-1);
    if (newest?.kind !== 'round/plan' || newest.correlation === undefined) return undefined;
    return { round: newest.correlation, body: newest.body, remainingMs: newest.remainingMs ?? 0 };
  }

  /** Publishes bytes on any topic. */
  async publish(topic: string, bytes: Uint8Array, retain = false): Promise<void> {
    await this.#client?.publishAsync(topic, Buffer.from(bytes), { qos: 1, retain });
  }

  /** Subscribes to any filter; the granted QoS, 128 when refused. */
  async subscribe(filter: string): Promise<number> {
    try {
      const [granted] = (await this.#client?.subscribeAsync(filter, { qos: 1 })) ?? [];
      return granted?.qos ?? REFUSED;
    } catch {
      // mqtt.js throws for a refused filter; the code of MQTT 3.1.1 says the same.
      return REFUSED;
    }
  }

  /** What was heard of a kind. */
  bodies<K extends Kind>(kind: K): BodyOf<K>[] {
    return this.heard.filter((message) => message.kind === kind).map(({ body }) => body as BodyOf<K>);
  }

  /** The newest desired state heard. */
  get desired(): DesiredState | undefined {
    const newest = this.bodies('desired').at(-1);
    return newest === undefined ? undefined : desiredStateSchema.parse(JSON.parse(newest.signed));
  }

  /** Acknowledged sequences of an epoch. */
  acknowledged(epoch: string): Set<number> {
    const acks: Ack[] = this.bodies('ack').filter((ack) => ack.epoch === epoch);
    return new Set(
      acks.flatMap(({ ranges }) =>
        ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index)),
      ),
    );
  }

  /** Answers to its questions. */
  get answers(): OffloadResponse[] {
    return this.bodies('offload/res');
  }

  /** Ends the connection: in order, or as a loss that publishes the will. */
  async close(how: 'orderly' | 'lost' = 'orderly'): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client === null) return;
    if (how === 'lost') client.stream.destroy();
    await client.endAsync(true);
  }

  #topic(kind: UpChannel): string {
    const { device, fleet } = this.enrolment;
    return topicOf({ fleet, device, channel: { kind } });
  }

  #roundTopic(round: Uuid, step: 'accept' | 'update'): string {
    const { device, fleet } = this.enrolment;
    return topicOf({ fleet, device, channel: { kind: 'round', round, step } });
  }

  #encode<K extends Kind>(kind: K, body: BodyOf<K>, header: object = {}): Uint8Array {
    return encodeMessage({
      kind,
      device: this.name,
      at: systemClock.unixMs(),
      ...header,
      body,
    } as unknown as Message);
  }
}
