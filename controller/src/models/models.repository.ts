/** SQL of the registry. */

import type { Digest } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { asc, eq, sql } from 'drizzle-orm';
import { DATABASE, type Database, rowsOf } from '../db/database.ts';
import type { PlannedBundle } from '../devices/desired.plan.ts';
import { rounds } from '../rounds/rounds.tables.ts';
import { models } from './models.tables.ts';

/** A row of models. */
export type ModelRow = typeof models.$inferSelect;

/** Ancestors shown; a longer line of fine-tunes is cut. */
const LINEAGE_MAX = 64;

/** The registry in the database. */
@Injectable()
export class ModelsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** All bundles by line and release. */
  all(): Promise<ModelRow[]> {
    return this.database.select().from(models).orderBy(asc(models.line), asc(models.releaseCounter));
  }

  /** One bundle. */
  async one(digest: Digest): Promise<ModelRow | undefined> {
    const [row] = await this.database.select().from(models).where(eq(models.digest, digest));
    return row;
  }

  /** Adds a bundle; one that is there stays as it is. */
  async add(row: ModelRow): Promise<void> {
    await this.database.insert(models).values(row).onConflictDoNothing();
  }

  /** What plans need, by digest. */
  async plannable(): Promise<Map<string, PlannedBundle>> {
    const rows = await this.database
      .select({ digest: models.digest, releaseCounter: models.releaseCounter, bytes: models.bytes })
      .from(models);
    return new Map(rows.map(({ digest, ...bundle }) => [digest, bundle]));
  }

  /** Whether a blob belongs to a registered bundle or is the head that a round begins from; another controller may know. */
  async isServable(digest: Digest): Promise<boolean> {
    const file = JSON.stringify([{ sha256: digest }]);
    const travelling = JSON.stringify([{ wire: { sha256: digest } }]);
    const rows = await rowsOf(
      this.database,
      sql`select 1 from ${models} where ${models.digest} = ${digest} or ${models.files} @> ${file}::jsonb
          or ${models.files} @> ${travelling}::jsonb
        union all select 1 from ${rounds} where ${rounds.startHead} = ${digest} limit 1`,
    );
    return rows.length > 0;
  }

  /** Digests of a bundle's ancestors that are registered, nearest first. */
  async ancestors(digest: Digest): Promise<Digest[]> {
    const rows = await rowsOf<{ digest: Digest }>(
      this.database,
      sql`with recursive line as (
          select ${models.parent} as digest, 1 as depth from ${models} where ${models.digest} = ${digest}
          union all
          select ${models.parent}, depth + 1 from ${models} join line on ${models.digest} = line.digest
          where depth < ${LINEAGE_MAX}
        )
        select line.digest from line where line.digest is not null order by depth`,
    );
    return rows.map((row) => row.digest);
  }
}
