/**
 * Whether this controller can serve now, part by part: database, its schema, broker, leases, and whether it is about to
 * end. Asked by probes that nobody authenticates, so it tells no more than yes or no, and at most one look at the
 * database is under way. Never mends anything.
 */
import { type ApiAnswer, PROBE_MS } from '@nanofleet/protocol';
import { type Clock, pause } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { isMigrated } from '../db/migrate.ts';
import { knownMigrations } from '../db/open-database.ts';
import { Link } from '../link/link.ts';
import { CLOCK } from '../ports/clock.ts';
import { ShardsService } from '../shards/shards.service.ts';

/** What a probe is answered. */
export type Readiness = ApiAnswer<'ready'>;

/** Looks at the parts. */
@Injectable()
export class ReadinessService {
  #looking: Promise<Readiness> | null = null;
  #isDraining = false;

  constructor(
    private readonly link: Link,
    private readonly shards: ShardsService,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** From now on this controller is not ready: it goes on serving whoever still comes until it ends. */
  drain(): void {
    this.#isDraining = true;
  }

  /** The parts as they are now. */
  look(): Promise<Readiness> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<Readiness> {
    const database = await this.#succeeds(this.database.execute(sql`select 1`).then(() => true));
    const migrations = database && (await this.#succeeds(isMigrated(this.database, knownMigrations())));
    const broker = this.link.isConnected;
    const parts = { database, migrations, broker, leases: this.shards.isCurrent, serving: !this.#isDraining };
    return { ready: Object.values(parts).every(Boolean), parts };
  }

  /** A database that hangs is as good as none to whoever sends requests here. */
  #succeeds(asked: Promise<boolean>): Promise<boolean> {
    const failed = asked.catch(() => false);
    return Promise.race([failed, pause(this.clock, PROBE_MS).then(() => false)]);
  }
}
