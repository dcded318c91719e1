/** Wires the controller: the ports that it was given, then the domains. Never opens anything itself. */
import type { Clock, Log, Random } from '@nanofleet/runtime/ports';
import { type DynamicModule, Module } from '@nestjs/common';
import { AgentsModule } from './agents/agents.module.ts';
import { AuthModule } from './auth/auth.module.ts';
import { CloudModule } from './cloud/cloud.module.ts';
import { PROVIDER } from './cloud/cloud.service.ts';
import type { ProviderSettings } from './cloud/provider-settings.ts';
import { DATABASE, type Database } from './db/database.ts';
import { DevicesModule } from './devices/devices.module.ts';
import { HistoryModule } from './history/history.module.ts';
import { JobsModule } from './jobs/jobs.module.ts';
import { Link } from './link/link.ts';
import { LiveModule } from './live/live.module.ts';
import { SCRAPE_TOKEN } from './metrics/metrics.http.ts';
import { MetricsModule } from './metrics/metrics.module.ts';
import { BlobStore } from './models/blob-store.ts';
import { ModelsModule } from './models/models.module.ts';
import { OffloadModule } from './offload/offload.module.ts';
import { PagesModule } from './pages/pages.module.ts';
import { CLOCK } from './ports/clock.ts';
import { LOAD_MODEL, type LoadModel, loadModel } from './ports/load-model.ts';
import { LOG } from './ports/log.ts';
import { RANDOM } from './ports/random.ts';
import { RolloutsModule } from './rollouts/rollouts.module.ts';
import { RoundsModule } from './rounds/rounds.module.ts';
import { ShardsModule } from './shards/shards.module.ts';
import { Identity } from './state/identity.ts';
import { TelemetryModule } from './telemetry/telemetry.module.ts';
import { TrustModule } from './trust/trust.module.ts';

/** What the domains stand on. */
export interface Ground {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly database: Database;
  readonly identity: Identity;
  readonly blobs: BlobStore;
  readonly link: Link;
  /** How models get into memory; left out: by ONNX Runtime. */
  readonly load?: LoadModel;
  /** Where the built dashboard is. */
  readonly siteDirectory: string;
  /** Where the agent's packages are; left out: there are none. */
  readonly agentsDirectory?: string;
  /** The provider of the cloud tier; left out or null: none. */
  readonly provider?: ProviderSettings | null;
  /** What opens `/metrics` and nothing else; left out or null: operators' tokens only. */
  readonly scrapeToken?: string | null;
}

/** The whole controller. */
@Module({})
export class AppModule {
  /** The module over a ground. */
  static over(ground: Ground): DynamicModule {
    const providers = [
      { provide: CLOCK, useValue: ground.clock },
      { provide: RANDOM, useValue: ground.random },
      { provide: LOG, useValue: ground.log },
      { provide: LOAD_MODEL, useValue: ground.load ?? loadModel },
      { provide: PROVIDER, useValue: ground.provider ?? null },
      { provide: SCRAPE_TOKEN, useValue: ground.scrapeToken ?? null },
      { provide: DATABASE, useValue: ground.database },
      { provide: Identity, useValue: ground.identity },
      { provide: BlobStore, useValue: ground.blobs },
      { provide: Link, useValue: ground.link },
    ];
    return {
      module: AppModule,
      global: true,
      imports: [
        AuthModule,
        HistoryModule,
        TrustModule,
        DevicesModule,
        ModelsModule,
        RolloutsModule,
        AgentsModule,
        JobsModule,
        RoundsModule,
        CloudModule,
        OffloadModule,
        TelemetryModule,
        LiveModule,
        MetricsModule,
        PagesModule.over({
          site: ground.siteDirectory,
          agents: ground.agentsDirectory ?? ground.siteDirectory,
        }),
        ShardsModule,
      ],
      providers,
      exports: providers.map(({ provide }) => provide),
    };
  }
}
