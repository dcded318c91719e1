/** Operator routes of events, figures and health. */

import type { ApiAnswer, ApiRequest } from '@nanofleet/protocol';
import { Controller, Inject } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import { Input, Route } from '../auth/api-route.ts';
import { DATABASE, type Database } from '../db/database.ts';
import { Link } from '../link/link.ts';
import { FleetService } from './fleet.service.ts';
import { TelemetryRepository } from './telemetry.repository.ts';

/** Routes of `telemetry`. */
@Controller()
export class TelemetryHttp {
  constructor(
    private readonly repository: TelemetryRepository,
    private readonly figures: FleetService,
    private readonly link: Link,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  /** The process answers. */
  @Route('health')
  health(): ApiAnswer<'health'> {
    return { ok: true };
  }

  /** Whether the parts work now. */
  @Route('ready')
  async ready(): Promise<ApiAnswer<'ready'>> {
    const database = await this.database.execute(sql`select 1`).then(
      () => true,
      () => false,
    );
    const parts = { database, link: this.link.isConnected };
    return { ready: Object.values(parts).every(Boolean), parts };
  }

  /** The fleet in figures. */
  @Route('fleet')
  fleet(): Promise<ApiAnswer<'fleet'>> {
    return this.figures.figures();
  }

  /** Events after a position. */
  @Route('events')
  async events(@Input() { query }: ApiRequest<'events'>) {
    return { items: await this.repository.list(query) };
  }
}
