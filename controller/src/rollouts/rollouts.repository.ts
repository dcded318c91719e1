/** SQL of rollouts. */

import type { Uuid } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { desc, eq } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { rollouts } from './rollouts.tables.ts';

/** A row of rollouts. */
export type RolloutRow = typeof rollouts.$inferSelect;

/** Rollouts in the database. */
@Injectable()
export class RolloutsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Adds a rollout and gives it its place. */
  async add(row: Omit<RolloutRow, 'position'>): Promise<RolloutRow> {
    const [added] = await this.database.insert(rollouts).values(row).returning();
    return added ?? { ...row, position: 0 };
  }

  /** One rollout. */
  async one(id: Uuid): Promise<RolloutRow | undefined> {
    const [row] = await this.database.select().from(rollouts).where(eq(rollouts.id, id));
    return row;
  }

  /** The newest ones, newest first. */
  newest(limit: number): Promise<RolloutRow[]> {
    return this.database.select().from(rollouts).orderBy(desc(rollouts.position)).limit(limit);
  }

  /** The newest of each line and target: all that still decides anything. */
  latest(): Promise<RolloutRow[]> {
    const { line, position, targetGroup, targetKind } = rollouts;
    return this.database
      .selectDistinctOn([line, targetKind, targetGroup])
      .from(rollouts)
      .orderBy(line, targetKind, targetGroup, desc(position));
  }
}
