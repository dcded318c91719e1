/** SQL of the agent's releases and rollouts. */
import type { Digest } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { asc, desc, eq, or, sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { agentReleases, agentRollouts } from './agents.tables.ts';

/** A row of releases. */
export type AgentReleaseRow = typeof agentReleases.$inferSelect;
/** A row of rollouts. */
export type AgentRolloutRow = typeof agentRollouts.$inferSelect;

/** Releases and rollouts in the database. */
@Injectable()
export class AgentsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** All releases, oldest first. */
  releases(): Promise<AgentReleaseRow[]> {
    return this.database
      .select()
      .from(agentReleases)
      .orderBy(asc(agentReleases.uploadedAt), asc(agentReleases.digest));
  }

  /** The release that is named by a digest, or has a file of it. */
  async owning(digest: Digest): Promise<AgentReleaseRow | undefined> {
    const file = JSON.stringify([{ sha256: digest }]);
    const [row] = await this.database
      .select()
      .from(agentReleases)
      .where(or(eq(agentReleases.digest, digest), sql`${agentReleases.files} @> ${file}::jsonb`))
      .limit(1);
    return row;
  }

  /** Adds a release; one that is there stays as it is. */
  async add(row: AgentReleaseRow): Promise<void> {
    await this.database.insert(agentReleases).values(row).onConflictDoNothing();
  }

  /** Adds a rollout and gives it its place. */
  async rollOut(row: Omit<AgentRolloutRow, 'position'>): Promise<AgentRolloutRow> {
    const [added] = await this.database.insert(agentRollouts).values(row).returning();
    return added ?? { ...row, position: 0 };
  }

  /** The newest rollout of each target: all that still decides anything. */
  latest(): Promise<AgentRolloutRow[]> {
    const { position, targetGroup, targetKind } = agentRollouts;
    return this.database
      .selectDistinctOn([targetKind, targetGroup])
      .from(agentRollouts)
      .orderBy(targetKind, targetGroup, desc(position));
  }
}
