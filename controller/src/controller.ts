/**
 * Starts and stops one controller: lock, database, domains, link, then the listeners, last, because a message to a
 * broker that nobody hears would be lost. Owns the order; the domains own what is done.
 */
import 'reflect-metadata';
import { mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { API_BODY_BYTES_MAX, NanofleetError } from '@nanofleet/protocol';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.ts';
import { provideAdminToken } from './auth/admin-token.ts';
import { AuthRepository } from './auth/auth.repository.ts';
import { AuthService } from './auth/auth.service.ts';
import { type OpenDatabase, openDatabase } from './db/open-database.ts';
import { DevicesService } from './devices/devices.service.ts';
import { Broker } from './link/broker.ts';
import { Link } from './link/link.ts';
import { BlobStore } from './models/blob-store.ts';
import { MiniTier } from './offload/mini-tier.ts';
import { OffloadService } from './offload/offload.service.ts';
import type { Clock } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { Random } from './ports/random.ts';
import type { Settings } from './ports/settings.ts';
import { lockDirectory } from './state/directory-lock.ts';
import { Identity } from './state/identity.ts';

const SECRET_BYTES = 32;
const UNIQUE_BYTES = 6;

/** What a controller gets from its process. */
export interface ControllerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** How the database is opened; tests put a faulty one here. */
  readonly open?: typeof openDatabase;
}

/** A controller that serves. */
export interface RunningController {
  readonly httpPort: number;
  readonly mqttPort: number;
  readonly fleet: string;
  readonly controllerKeyId: string;
  /** The first admin token, if this start made it. */
  readonly newAdminToken: string | null;
  /** Ends everything in order. */
  stop(): Promise<void>;
}

/** What is undone at the end, in reverse. */
type Undo = () => Promise<void> | void;

/**
 * Starts a controller.
 * @throws NanofleetError STATE_IN_USE, STATE_CORRUPT, DATABASE_UNAVAILABLE, PORT_TAKEN, SETTING_INVALID; then nothing
 * of it is left open
 */
export const startController = async (
  settings: Settings,
  ports: ControllerPorts,
): Promise<RunningController> => {
  const undo: Undo[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...(await start(settings, ports, undo)), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
};

const start = async (settings: Settings, ports: ControllerPorts, undo: Undo[]) => {
  await mkdir(settings.directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(settings.directory);
  undo.push(() => lock.release());
  const hex = (count: number): string => Buffer.from(ports.random.bytes(count)).toString('hex');
  const open: OpenDatabase = await (ports.open ?? openDatabase)(settings, hex(UNIQUE_BYTES));
  undo.push(() => open.close());
  const identity = await Identity.open(settings);
  const blobs = await BlobStore.open(settings.directory);
  const link = new Link({ fleet: settings.fleet, clock: ports.clock, log: ports.log });
  const app = await createApp(settings, { ...ports, database: open.database, identity, blobs, link });
  undo.push(() => app.close());
  await keepFleetName(app.get(AuthRepository), settings.fleet);
  const newAdminToken = await provideAdminToken(app.get(AuthService), settings.adminTokenFile);
  const broker = await connectBroker(settings, { app, link, secret: hex(SECRET_BYTES) });
  undo.push(
    () => broker.close(),
    () => link.close(),
  );
  app.get(MiniTier).restore();
  await app.get(OffloadService).resume();
  const mqttPort = await broker.listen();
  // Known before the first enrolment can come.
  identity.listensOn({ http: settings.httpPort, mqtt: mqttPort });
  const httpPort = await listenHttp(app, settings);
  identity.listensOn({ http: httpPort, mqtt: mqttPort });
  return { httpPort, mqttPort, fleet: settings.fleet, controllerKeyId: identity.keyId, newAdminToken };
};

const createApp = async (
  settings: Settings,
  ground: Parameters<typeof AppModule.over>[0],
): Promise<NestFastifyApplication> => {
  const { certificate } = settings;
  const adapter = new FastifyAdapter({
    bodyLimit: API_BODY_BYTES_MAX,
    forceCloseConnections: true,
    ...(certificate === null ? {} : { https: { cert: certificate.cert, key: certificate.key } }),
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.over(ground), adapter, {
    logger: false,
    abortOnError: false,
  });
  // Uploads stay a stream: the blob store reads, counts and hashes them.
  adapter.getInstance().addContentTypeParser('application/octet-stream', (_request, payload, done) => {
    done(null, payload);
  });
  await app.init();
  return app;
};

const keepFleetName = async (repository: AuthRepository, fleet: string): Promise<void> => {
  const fixed = await repository.fix('fleet', fleet);
  if (fixed === fleet) return;
  throw new NanofleetError(
    'SETTING_INVALID',
    `This state belongs to the fleet ${fixed}, not ${fleet}; start with --fleet ${fixed} or another --dir.`,
    { facts: { fleet: fixed } },
  );
};

const connectBroker = async (
  settings: Settings,
  parts: { app: NestFastifyApplication; link: Link; secret: string },
): Promise<Broker> => {
  const { app, link, secret } = parts;
  const broker = await Broker.create({
    fleet: settings.fleet,
    gate: app.get(DevicesService),
    controllerSecret: secret,
    host: settings.host,
    port: settings.mqttPort,
    certificate: settings.certificate,
  });
  await link.start({ connect: () => broker.connect(), secret, drop: (device) => broker.drop(device) });
  return broker;
};

const listenHttp = async (app: NestFastifyApplication, settings: Settings): Promise<number> => {
  const port = settings.httpPort;
  await app.listen(port, settings.host).catch((cause: unknown) => {
    throw new NanofleetError(
      'PORT_TAKEN',
      `Port ${port} for HTTP cannot be used; choose another with --http.`,
      {
        cause,
        facts: { port },
      },
    );
  });
  return (app.getHttpServer().address() as AddressInfo).port;
};
