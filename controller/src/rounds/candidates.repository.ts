/** SQL of candidates. */
import type { Digest } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { desc, eq } from 'drizzle-orm';
import { DATABASE, type Database, type Queries } from '../db/database.ts';
import { models } from '../models/models.tables.ts';
import { candidates } from './rounds.tables.ts';

/** A row of candidates. */
export type CandidateRow = typeof candidates.$inferSelect;
/** A candidate, and whether the registry holds it signed. */
export type KnownCandidate = CandidateRow & { readonly isReleased: boolean };

/** Candidates in the database. */
@Injectable()
export class CandidatesRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Adds a candidate; one that is there stays as it is: the same round makes the same bytes. */
  async add(queries: Queries, row: CandidateRow): Promise<void> {
    await queries.insert(candidates).values(row).onConflictDoNothing();
  }

  /** The newest ones, newest first. */
  async newest(limit: number): Promise<KnownCandidate[]> {
    const rows = await this.database
      .select()
      .from(candidates)
      .leftJoin(models, eq(models.digest, candidates.digest))
      .orderBy(desc(candidates.createdAt))
      .limit(limit);
    return rows.map((row) => ({ ...row.candidates, isReleased: row.models !== null }));
  }

  /** One candidate. */
  async one(digest: Digest): Promise<KnownCandidate | undefined> {
    const [row] = await this.database
      .select()
      .from(candidates)
      .leftJoin(models, eq(models.digest, candidates.digest))
      .where(eq(candidates.digest, digest));
    return row === undefined ? undefined : { ...row.candidates, isReleased: row.models !== null };
  }
}
