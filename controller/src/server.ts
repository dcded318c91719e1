/**
 * The part of a controller that needs NestJS: the domains over their ground, the broker with the link, the HTTP
 * listener. Apart from `controller.ts`, so that the database opens in its thread while all of this is being loaded.
 */
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:tls';
import { API_BODY_BYTES_MAX, NanofleetError, PATH_PART_CHARACTERS_MAX } from '@nanofleet/protocol';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule, type Ground } from './app.module.ts';
import { provideAdminToken } from './auth/admin-token.ts';
import { AuthRepository } from './auth/auth.repository.ts';
import { AuthService } from './auth/auth.service.ts';
import { DevicesService } from './devices/devices.service.ts';
import { RotationService } from './devices/rotation.service.ts';
import { inBackground } from './link/broker-rights.ts';
import { joinBroker } from './link/join-broker.ts';
import { Link } from './link/link.ts';
import { MetricsService } from './metrics/metrics.service.ts';
import { ReadinessService } from './metrics/readiness.service.ts';
import { DeviceBlobsHttp } from './models/device-blobs.http.ts';
import { MiniTier } from './offload/mini-tier.ts';
import { guardHeaders } from './pages/site-headers.ts';
import type { Settings } from './ports/settings.ts';
import { RolloutsDriver } from './rollouts/rollouts.driver.ts';
import { RoundsDriver } from './rounds/rounds.driver.ts';
import { ShardsService } from './shards/shards.service.ts';
import type { Identity } from './state/identity.ts';

/** What is undone at the end, in reverse. */
export type Undo = () => Promise<void> | void;

/** Ports in use, and the first admin token if this start made it. */
export interface Served {
  readonly httpPort: number;
  readonly mqttPort: number;
  readonly newAdminToken: string | null;
  /** Answers not ready from now on, and goes on serving: whoever balances load sends nobody here any more. */
  drain(): void;
}

/**
 * Serves a fleet; the listeners come last, because a message to a broker that nobody hears would be lost.
 * @throws NanofleetError PORT_TAKEN, SETTING_INVALID
 */
export const serve = async (
  settings: Settings,
  ground: Omit<Ground, 'link' | 'siteDirectory' | 'agentsDirectory'>,
  run: { secret: string; undo: Undo[] },
): Promise<Served> => {
  const link = new Link({ fleet: settings.fleet, clock: ground.clock, log: ground.log });
  const app = await createApp({ ...ground, link, ...foldersOf(settings) });
  run.undo.push(() => app.close());
  await keepFleetName(app.get(AuthRepository), settings.fleet);
  await keepKey(app.get(AuthRepository), ground.identity);
  const newAdminToken = await provideAdminToken(app.get(AuthService), settings.adminTokenFile);
  const devices = app.get(DevicesService);
  const shards = app.get(ShardsService);
  const { clock, identity, log } = ground;
  const joining = {
    clock,
    log,
    link,
    gate: devices,
    controllerId: identity.controllerId,
    tls: identity.tls,
    brokerIdentities: identity.brokerIdentities,
    secret: run.secret,
  };
  const broker = await joinBroker(settings, joining);
  run.undo.push(
    () => broker.close(),
    () => link.close(),
    () => shards.end(),
  );
  link.rights.onReady(() =>
    inBackground(log, devices.takeStaleRights(), 'rights of revoked devices may still be at the broker'),
  );
  app.get(MiniTier).restore();
  if (!broker.isAlone) app.get(MiniTier).follow();
  await (broker.isAlone ? shards.holdAll() : shards.share());
  app.get(RoundsDriver).resume();
  app.get(RolloutsDriver).resume();
  inBackground(log, app.get(RotationService).resume(), 'devices may not know of the rotation of keys');
  if (identity.tls !== null) run.undo.push(identity.tls.watch(clock, log));
  const mqttPort = await broker.listen();
  // Known before the first enrolment can come.
  ground.identity.listensOn({ http: settings.httpPort, mqtt: mqttPort });
  const httpPort = await listenHttp(app, settings);
  ground.identity.listensOn({ http: httpPort, mqtt: mqttPort });
  return { httpPort, mqttPort, newAdminToken, drain: () => app.get(ReadinessService).drain() };
};

const foldersOf = ({ agentsDirectory, siteDirectory }: Settings) => ({
  siteDirectory,
  ...(agentsDirectory === undefined ? {} : { agentsDirectory }),
});

const createApp = async (ground: Ground): Promise<NestFastifyApplication> => {
  const { tls } = ground.identity;
  const adapter = new FastifyAdapter({
    bodyLimit: API_BODY_BYTES_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PATH_PART_CHARACTERS_MAX },
    // Browsers and devices that enrol have no certificate: routes that need one look for it.
    ...(tls === null ? {} : { https: { ...tls.options(), rejectUnauthorized: false } }),
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.over(ground), adapter, {
    logger: false,
    abortOnError: false,
  });
  if (tls !== null) tls.follow(app.getHttpServer() as unknown as Server);
  // Uploads stay a stream: the blob store reads, counts and hashes them.
  adapter.getInstance().addContentTypeParser('application/octet-stream', (_request, payload, done) => {
    done(null, payload);
  });
  const { isSecure } = ground.identity.cookie;
  adapter.getInstance().addHook('onSend', (request, reply, _payload, done) => {
    const isData = request.url.startsWith('/api/');
    reply.headers(guardHeaders({ isPage: !isData, isSecure }));
    if (isData) reply.header('cache-control', 'no-store');
    done();
  });
  const metrics = app.get(MetricsService);
  metrics.watchProcess();
  adapter.getInstance().addHook('onResponse', (request, reply, done) => {
    // Streams, which end when their reader goes, are no requests of a duration.
    if (!String(reply.raw.getHeader('content-type')).startsWith('text/event-stream')) {
      const { elapsedTime: elapsedMs, statusCode: status } = reply;
      metrics.observe({ method: request.method, route: request.routeOptions.url, status, elapsedMs });
    }
    done();
  });
  await app.init();
  app.get(DeviceBlobsHttp).answerOn(app.getHttpServer(), (answered) => metrics.observe(answered));
  return app;
};

/** Devices pin the key that they enrolled with: another one would be a stranger to all of them. */
const keepKey = async (repository: AuthRepository, { keyId, rotation }: Identity): Promise<void> => {
  const before = rotation?.previousKeyId ?? null;
  // A crash may have come between the files of a rotation and the database.
  if (before !== null) await repository.refix('controller-key', { from: before, to: keyId });
  const fixed = await repository.fix('controller-key', keyId);
  if (fixed === keyId) return;
  throw new NanofleetError(
    'SETTING_INVALID',
    `The devices of this database trust the controller's key ${fixed.slice(0, 12)}…, and this one is ${keyId.slice(0, 12)}…: ` +
      'give all controllers of a fleet the same one with --controller-key, or use another database.',
    { facts: { key: fixed } },
  );
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
