/**
 * The controller without listeners: the same domains over a given ground, with a link over a given transport. What the
 * simulated fleet runs; `server.ts` puts broker and HTTP around the same modules. Opens nothing by itself.
 */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule, type Ground } from './app.module.ts';
import { AuthService } from './auth/auth.service.ts';
import { DevicesService } from './devices/devices.service.ts';
import { EnrolmentService } from './devices/enrolment.service.ts';
import { FiguresService } from './history/figures.service.ts';
import type { Gate } from './link/broker.ts';
import { Link, type LinkAccess } from './link/link.ts';
import type { BlobStore } from './models/blob-store.ts';
import { ModelsService } from './models/models.service.ts';
import { MiniTier } from './offload/mini-tier.ts';
import { RolloutsDriver } from './rollouts/rollouts.driver.ts';
import { RolloutsService } from './rollouts/rollouts.service.ts';
import { ShardsService } from './shards/shards.service.ts';
import { TelemetryRepository } from './telemetry/telemetry.repository.ts';

/** What a simulated operator, broker and download ask of a controller. */
export interface Core {
  readonly link: Link;
  readonly auth: AuthService;
  readonly enrolment: EnrolmentService;
  readonly devices: DevicesService;
  readonly models: ModelsService;
  readonly rollouts: RolloutsService;
  readonly telemetry: TelemetryRepository;
  readonly blobs: BlobStore;
  /** Ends everything in order. */
  close(): Promise<void>;
}

/**
 * Makes the domains, lets `broker` know who decides on logins, connects, and takes up what an earlier process left.
 * @param broker gives the way in, once somebody can decide on logins
 */
export const openCore = async (
  ground: Omit<Ground, 'link'>,
  broker: (gate: Gate) => LinkAccess,
): Promise<Core> => {
  const { clock, identity, log } = ground;
  const link = new Link({ fleet: identity.fleet, clock, log });
  const app = await NestFactory.createApplicationContext(AppModule.over({ ...ground, link }), {
    logger: false,
    abortOnError: false,
  });
  // Nobody looks at curves here: counting them would be four queries each ten seconds, more than all devices ask.
  app.get(FiguresService).onModuleDestroy();
  await link.startAlone(broker(app.get(DevicesService)));
  app.get(MiniTier).restore();
  await app.get(ShardsService).holdAll();
  app.get(RolloutsDriver).resume();
  return {
    link,
    auth: app.get(AuthService),
    enrolment: app.get(EnrolmentService),
    devices: app.get(DevicesService),
    models: app.get(ModelsService),
    rollouts: app.get(RolloutsService),
    telemetry: app.get(TelemetryRepository),
    blobs: ground.blobs,
    close: async () => {
      await link.close();
      await app.close();
    },
  };
};
