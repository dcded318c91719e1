/**
 * The real Transport: mqtt.js 5 speaking MQTT 3.1.1. Owns nothing but the translation: no reconnect of its own, no store.
 * Handlers are attached before the connection starts, because messages that arrive with CONNACK are otherwise lost.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { NanofleetError } from '@nanofleet/protocol';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { LINK_UNAVAILABLE_MESSAGE, linkUnavailable } from '../ports/link-unavailable.ts';
import type { Connection, ConnectionHandlers, ConnectOptions, Transport } from '../ports/transport.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { TlsSessions } from './tls-sessions.ts';

/** Opens a stream to a broker of this very process. */
export type OpenStream = () => Duplex;

/** How this transport gets to a broker. */
interface Ways {
  readonly open: OpenStream | undefined;
  readonly sessions: TlsSessions;
}

/** Asks of one connection that its end must settle: mqtt.js leaves them open when the session is to persist. */
type Pending = Set<(ended: Error) => void>;

const willOf = ({ will }: ConnectOptions): Pick<IClientOptions, 'will'> =>
  will === undefined
    ? {}
    : {
        will: {
          topic: will.topic,
          payload: Buffer.from(will.payload),
          qos: 1,
          retain: will.isRetained === true,
        },
      };

const tlsOptionsOf = ({ tls: { ca, cert, key } = {} }: ConnectOptions): IClientOptions => ({
  ...(ca === undefined ? {} : { ca: [...ca] }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
});

const clientOptionsOf = (options: ConnectOptions): IClientOptions => ({
  manualConnect: true,
  reconnectPeriod: 0,
  protocolVersion: 4,
  clean: options.isPersistent !== true,
  clientId: options.clientId,
  username: options.username ?? options.clientId,
  password: options.password,
  keepalive: options.keepaliveS,
  connectTimeout: options.connectTimeoutMs,
  resubscribe: false,
  queueQoSZero: false,
  // The cache holds a buffer for each 16-bit number: 7 MB for some nanoseconds per packet.
  writeCache: false,
  // Its own log asks at each of a dozen places per packet whether somebody listens: 2 µs of each message.
  log: () => undefined,
  ...tlsOptionsOf(options),
  ...willOf(options),
});

const makeClient = (options: ConnectOptions, { open, sessions }: Ways): MqttClient =>
  open === undefined
    ? mqtt.connect(options.url, { ...clientOptionsOf(options), ...sessions.offer(options) })
    : new mqtt.MqttClient(() => open(), clientOptionsOf(options));

/** Return codes of CONNACK: bad user name or password, not authorized (MQTT 3.1.1, 3.2.2.3). */
const REFUSALS: ReadonlySet<unknown> = new Set([4, 5]);
/** A TLS alert of the broker. In TLS 1.3 it comes after the handshake, when mqtt.js no longer listens for errors. */
const ALERT = /^ERR_SSL_.*ALERT/;
/** With a longer keep-alive whatever is sent takes the place of a ping. */
const PINGED_ANYWAY_S = 60;
/** Tells mqtt.js that it is not to acknowledge. */
const OURS = new NanofleetError('LINK_UNAVAILABLE', 'acknowledged later');

/** Without it Nagle's algorithm adds 40 ms to small messages. */
const sendAtOnce = (client: MqttClient): void => {
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
};

interface Attachment {
  readonly pending: Pending;
  readonly refused: () => void;
  readonly unacknowledgedMax: number;
}

/** Hands what happens to a client to the handlers; gives what is to be told of errors of its stream. */
const attach = (
  client: MqttClient,
  handlers: ConnectionHandlers,
  { pending, refused, unacknowledgedMax }: Attachment,
): ((error: Error) => void) => {
  let reason: string | null = null;
  let isRefused = false;
  let isClosed = false;
  client.on('connect', ({ sessionPresent }) => {
    sendAtOnce(client);
    handlers.opened({ isSessionKept: sessionPresent });
  });
  const acknowledgements = new Acknowledgements({
    unacknowledgedMax,
    write: (bytes) => {
      if (!isClosed) client.stream.write(bytes);
    },
  });
  client.handleMessage = (packet, done) => {
    if (isClosed) return;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const taken = handlers.received(packet.topic, payload, { isRetained: packet.retain });
    if (packet.qos !== 1) done();
    // With an error mqtt.js goes on to the next packet and sends no PUBACK of its own.
    else acknowledgements.await(packet.messageId ?? 0, taken, () => done(OURS));
  };
  const failed = (error: Error): void => {
    reason = error.message === '' ? LINK_UNAVAILABLE_MESSAGE : error.message;
    const code = 'code' in error ? error.code : undefined;
    isRefused = REFUSALS.has(code) || ALERT.test(String(code));
  };
  client.on('error', failed);
  client.on('close', () => {
    if (isClosed) return;
    isClosed = true;
    client.end(true);
    if (isRefused) refused();
    const why = reason ?? (client.disconnecting ? null : LINK_UNAVAILABLE_MESSAGE);
    handlers.closed(why, { isRefused });
    for (const end of pending) end(linkUnavailable(why ?? LINK_UNAVAILABLE_MESSAGE));
  });
  return failed;
};

/** What is asked of the broker, or a rejection when the connection ends first. */
const orEnded = <T>(pending: Pending, asked: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    pending.add(reject);
    asked
      .then(resolve, (thrown: unknown) => reject(linkUnavailable(thrown)))
      .finally(() => pending.delete(reject));
  });

const connect = (options: ConnectOptions, handlers: ConnectionHandlers, ways: Ways): Connection => {
  const client = makeClient(options, ways);
  const pending: Pending = new Set();
  const failed = attach(client, handlers, {
    pending,
    refused: () => ways.sessions.forget(),
    unacknowledgedMax: options.unacknowledgedMax ?? Number.POSITIVE_INFINITY,
  });
  client.connect();
  ways.sessions.keepOf(client.stream, options);
  client.stream.on('error', failed);
  return {
    publish: async (topic, payload, { qos, isRetained }) => {
      const asked = client.publishAsync(topic, Buffer.from(payload), { qos, retain: isRetained });
      await orEnded(pending, asked);
      // mqtt.js counts only what is answered, and would ping beside every beat. That nobody is there any more TCP says, too:
      // what was sent is not acknowledged for a quarter of an hour.
      if (options.keepaliveS > PINGED_ANYWAY_S) client.reschedulePing(true);
    },
    subscribe: async (filters) => {
      const granted = await orEnded(pending, client.subscribeAsync([...filters], { qos: 1 }));
      const refused = granted.find(({ qos }) => qos === 128);
      if (refused !== undefined) throw linkUnavailable(`the broker refused to subscribe to ${refused.topic}`);
    },
    end: ({ isOrderly }) =>
      new Promise((resolve) => {
        client.end(!isOrderly, {}, () => resolve());
      }),
  };
};

/** MQTT over TCP or TLS by the address; over streams of `open` instead, whatever the address, when it is given. */
export const makeMqttTransport = (open?: OpenStream): Transport => {
  const ways = { open, sessions: new TlsSessions() };
  return { connect: (options, handlers) => connect(options, handlers, ways) };
};
