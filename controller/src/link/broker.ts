/**
 * The embedded broker: aedes with our rights. A device gets its own topics and nothing of anybody else; the controller
 * comes in over a stream inside the process, under a credential of its own. Speaks MQTT 3.1.1 only, keeps nothing on
 * the disk: everything in it is re-derived when devices connect. Never decodes a payload.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import {
  clientIdOf,
  type DeviceId,
  deviceIdSchema,
  deviceRights,
  type FleetId,
  isCovered,
  NanofleetError,
  PACKET_BYTES_MAX,
  toNanofleetError,
} from '@nanofleet/protocol';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import type { ListenerTls } from '../state/listener-tls.ts';
import type { BrokerRights } from './broker-rights.ts';
import { type CertificateHolder, holderOf, isEncrypted, isOutOfDate } from './peer-certificate.ts';
import { findByLevels, type RetainedStore } from './retained-messages.ts';

/** A subscriber that does not read stops all others until it is cut after this (aedes' own default is 60 s). */
const DRAIN_TIMEOUT_MS = 500;
/** A login with client id, credential and will has about 600 bytes. */
const LOGIN_BYTES_MAX = 16_384;
/** aedes' AuthErrorCode is a const enum, which compilers of single files cannot read. */
const SERVER_UNAVAILABLE = 3;
const BAD_CREDENTIAL = 4;
const NOT_AUTHORIZED = 5;
const CONTROLLER = 'controller';

/** Who may come in. */
export interface Gate {
  /** The device of a client id and credential, or null; rejects when it cannot be looked up now. */
  admit(login: { clientId: string; credential: string }): Promise<DeviceId | null>;
  /** The device of a certificate, likewise; null also when another key is the device's by now. */
  admitHolder(holder: CertificateHolder): Promise<DeviceId | null>;
}

/** What a broker needs. */
export interface BrokerOptions {
  readonly fleet: FleetId;
  readonly gate: Gate;
  /** Password of the controller's own client; random per start. */
  readonly controllerSecret: string;
  readonly host: string;
  readonly port: number;
  /** Null: plain connections, with credentials; else certificates of devices alone open the door. */
  readonly tls: ListenerTls | null;
}

interface Rights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

interface Login {
  readonly username: string | undefined;
  readonly password: string;
}

/** A running broker. */
export class Broker implements BrokerRights {
  readonly #aedes: Aedes;
  readonly #options: BrokerOptions;
  /** `all` for the controller itself. */
  readonly #rights = new WeakMap<Client, Rights | 'all'>();
  readonly #sessions = new Map<string, Client>();
  /** How often each device was dropped: a login that began before the last drop is not let in. */
  readonly #drops = new Map<DeviceId, number>();
  /** Streams inside the process; the controller's own login is taken from no other. */
  readonly #inner = new WeakSet<object>();
  #listener: Server | null = null;
  readonly #sockets = new Set<Socket>();

  private constructor(options: BrokerOptions, aedes: Aedes) {
    this.#options = options;
    this.#aedes = aedes;
  }

  /** Makes a broker that nobody can reach yet but `connect`. */
  static async create(options: BrokerOptions): Promise<Broker> {
    const aedes = new Aedes({ drainTimeout: DRAIN_TIMEOUT_MS });
    const broker = new Broker(options, aedes);
    broker.#install();
    await aedes.listen();
    findByLevels((aedes as unknown as { readonly persistence: RetainedStore }).persistence);
    return broker;
  }

  /** A stream to the broker inside this process. */
  connect(): Duplex {
    const [near, far] = duplexPair();
    this.#inner.add(far);
    this.#aedes.handle(far);
    return near;
  }

  /**
   * Opens the listener for devices.
   * @returns the port in use
   * @throws NanofleetError PORT_TAKEN
   */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    const accept = (socket: Socket): void => {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      this.#boundLogin(socket, this.#aedes.handle(socket));
    };
    const listener = this.#makeListener(accept);
    this.#listener = listener;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (cause: Error) => reject(portTaken(port, cause)));
      listener.listen(port, host, () => resolve());
    });
    const address = listener.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Nothing: the gate is asked at each login. */
  grant(): Promise<void> {
    return Promise.resolve();
  }

  /** The gate refuses it from now on; its session ends. */
  revoke(device: DeviceId): Promise<void> {
    this.drop(device);
    return Promise.resolve();
  }

  /** Nobody comes in without the gate. */
  granted(): Promise<DeviceId[]> {
    return Promise.resolve([]);
  }

  /** It is always there. */
  onReady(): void {}

  /** Ends the session of a device, also one that is about to begin; its will is published as at any loss. */
  drop(device: DeviceId): void {
    this.#drops.set(device, this.#dropsOf(device) + 1);
    this.#sessions.get(clientIdOf(this.#options.fleet, device))?.close();
  }

  /** Ends all sessions and the listener. */
  async close(): Promise<void> {
    this.#listener?.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#aedes.close(() => resolve());
    });
  }

  #makeListener(accept: (socket: Socket) => void): Server {
    const { tls } = this.#options;
    if (tls === null) return createServer(accept);
    const listener = createTlsServer({ ...tls.options(), rejectUnauthorized: false }, (socket) => {
      // A stranger does not get as far as to the broker. A device whose certificate has run out is refused by the broker:
      // Node would cut it without a word, and it could not tell that from a bad line.
      if (socket.authorized || isOutOfDate(socket)) accept(socket);
      else socket.destroy();
    });
    listener.on('tlsClientError', () => undefined);
    tls.follow(listener);
    return listener;
  }

  /** Cuts a stranger who sends more than a login: aedes would keep up to 256 MB of it. */
  #boundLogin(socket: Socket, client: Client): void {
    const look = (): void => {
      if (this.#rights.has(client)) socket.off('readable', look);
      else if (socket.bytesRead > LOGIN_BYTES_MAX) socket.destroy();
    };
    socket.on('readable', look);
  }

  #install(): void {
    const aedes = this.#aedes;
    aedes.authenticate = (client, username, password, done) => {
      void this.#authenticate(client, { username, password: password?.toString('utf8') ?? '' }, done);
    };
    aedes.authorizePublish = (client, packet, done) => {
      const isFine =
        client === null ||
        (packet.payload.length <= PACKET_BYTES_MAX && this.#may(client, 'publish', packet.topic));
      // aedes closes the connection on an error, which is the only refusal that MQTT 3.1.1 has.
      done(isFine ? null : notAllowed(packet.topic));
    };
    aedes.authorizeSubscribe = (client, subscription, done) =>
      done(null, this.#mayFilter(client, subscription.topic) ? subscription : null);
    aedes.authorizeForward = (client, packet) =>
      this.#may(client, 'subscribe', packet.topic) ? packet : null;
    aedes.on('clientDisconnect', (client) => {
      if (this.#sessions.get(client.id) === client) this.#sessions.delete(client.id);
    });
    for (const event of ['clientError', 'connectionError'] as const) aedes.on(event, () => undefined);
  }

  async #authenticate(
    client: Client,
    login: Login,
    answer: (error: AuthenticateError | null, isIn: boolean | null) => void,
  ): Promise<void> {
    const code = await this.#codeOf(client, login);
    if (code === null) answer(null, true);
    else answer(refusal(code), null);
  }

  /** The CONNACK code that refuses a login, or null when it is fine; never rejects. */
  async #codeOf(client: Client, login: Login): Promise<number | null> {
    try {
      return (await this.#login(client, login)) ? null : BAD_CREDENTIAL;
    } catch (thrown) {
      return toNanofleetError(thrown).code === 'DEVICE_REVOKED' ? NOT_AUTHORIZED : SERVER_UNAVAILABLE;
    }
  }

  async #login(client: Client, login: Login): Promise<boolean> {
    const { fleet } = this.#options;
    if (client.id !== login.username) return false;
    if (client.id === CONTROLLER) return this.#admitController(client, login.password);
    const name = deviceIdSchema.safeParse(client.id.slice(fleet.length + 1));
    if (!name.success) return false;
    const drops = this.#dropsOf(name.data);
    const device = await this.#deviceOf(client, login);
    // Revoked while the credential was looked up: the device comes again and is told so.
    if (device === null || drops !== this.#dropsOf(device)) return false;
    this.#rights.set(client, deviceRights(fleet, device));
    this.#sessions.set(client.id, client);
    return true;
  }

  /** Over TLS the certificate says who it is, and the client id must say the same. */
  async #deviceOf({ conn, id }: Client, { password }: Login): Promise<DeviceId | null> {
    const { fleet, gate } = this.#options;
    if (!isEncrypted(conn)) return gate.admit({ clientId: id, credential: password });
    const holder = holderOf(conn);
    if (holder === null || id !== clientIdOf(fleet, holder.device)) return null;
    return gate.admitHolder(holder);
  }

  #admitController(client: Client, password: string): boolean {
    const isAdmitted = this.#inner.has(client.conn) && password === this.#options.controllerSecret;
    if (isAdmitted) this.#rights.set(client, 'all');
    return isAdmitted;
  }

  #dropsOf(device: DeviceId): number {
    return this.#drops.get(device) ?? 0;
  }

  #may(client: Client, action: keyof Rights, topic: string): boolean {
    const rights = this.#rights.get(client);
    return rights === 'all' || (rights?.[action].some((filter) => isCovered(topic, filter)) ?? false);
  }

  #mayFilter(client: Client, filter: string): boolean {
    const rights = this.#rights.get(client);
    return rights === 'all' || (rights?.subscribe.includes(filter) ?? false);
  }
}

const refusal = (returnCode: number): AuthenticateError =>
  Object.assign(new NanofleetError('TOKEN_INVALID', 'the broker does not know this credential'), {
    returnCode,
  });

const notAllowed = (topic: string) =>
  new NanofleetError(
    'TOPIC_INVALID',
    `publishing on ${topic.slice(0, 200)} is not among this device's rights`,
  );

const portTaken = (port: number, cause: Error) =>
  new NanofleetError('PORT_TAKEN', `Port ${port} for MQTT cannot be used; choose another with --mqtt.`, {
    cause,
    facts: { port },
  });
