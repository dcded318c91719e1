/** SQL of the release metadata. */
import { DEVICES_NAMED_MAX, type MetadataRole, type Trust } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, desc, eq, gte, isNull, lte, not, sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { devices } from '../devices/devices.tables.ts';
import { releaseMetadata } from './trust.tables.ts';

/** A row of the table. */
export type MetadataRow = typeof releaseMetadata.$inferSelect;

/** Release metadata in the database. */
@Injectable()
export class TrustRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Version of the newest document of a role; null before the first. */
  async newestVersion(role: MetadataRole): Promise<number | null> {
    const [row] = await this.database
      .select({ version: releaseMetadata.version })
      .from(releaseMetadata)
      .where(eq(releaseMetadata.role, role))
      .orderBy(desc(releaseMetadata.version))
      .limit(1);
    return row?.version ?? null;
  }

  /** One document. */
  async one(role: MetadataRole, version: number): Promise<MetadataRow | undefined> {
    const [row] = await this.database
      .select()
      .from(releaseMetadata)
      .where(and(eq(releaseMetadata.role, role), eq(releaseMetadata.version, version)));
    return row;
  }

  /** Adds documents, all or none. Rejects as a duplicate when another writer was quicker with one of them. */
  async add(rows: readonly MetadataRow[]): Promise<void> {
    if (rows.length > 0) await this.database.insert(releaseMetadata).values([...rows]);
  }

  /** How many living devices have followed a root, and the first names of those that have not. */
  async followers(root: number): Promise<Trust['devices']> {
    const hasFollowed = gte(sql`coalesce(${devices.followedRoot}, 0)`, root);
    const living = isNull(devices.revokedAt);
    const [all, following, behind] = await Promise.all([
      this.database.$count(devices, living),
      this.database.$count(devices, and(living, hasFollowed)),
      this.database
        .select({ device: devices.device })
        .from(devices)
        .where(and(living, not(hasFollowed)))
        .orderBy(asc(devices.device))
        .limit(DEVICES_NAMED_MAX),
    ]);
    return { following, behind: all - following, names: behind.map(({ device }) => device) };
  }

  /** Removes documents up to a version. */
  async dropUpTo(role: MetadataRole, version: number): Promise<void> {
    await this.database
      .delete(releaseMetadata)
      .where(and(eq(releaseMetadata.role, role), lte(releaseMetadata.version, version)));
  }
}
