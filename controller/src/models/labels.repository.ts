/** SQL of allocated labels. */
import type { LineId } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, eq, isNull } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { addedLabels } from './labels.tables.ts';

/** A row of added_labels. */
export type LabelRow = typeof addedLabels.$inferSelect;

/** Labels in the database. */
@Injectable()
export class LabelsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Allocations of all lines, oldest first. */
  all(): Promise<LabelRow[]> {
    return this.database.select().from(addedLabels).orderBy(asc(addedLabels.line), asc(addedLabels.version));
  }

  /** Allocations of a line, oldest first. */
  of(line: LineId): Promise<LabelRow[]> {
    return this.database
      .select()
      .from(addedLabels)
      .where(eq(addedLabels.line, line))
      .orderBy(asc(addedLabels.version));
  }

  /** Adds an allocation; fails with a duplicate when another one got this version. */
  async add(row: LabelRow): Promise<void> {
    await this.database.insert(addedLabels).values(row);
  }

  /** Takes an allocation back. */
  async remove(line: LineId, name: string, removedVersion: number): Promise<void> {
    await this.database
      .update(addedLabels)
      .set({ removedVersion })
      .where(and(eq(addedLabels.line, line), eq(addedLabels.name, name), isNull(addedLabels.removedVersion)));
  }
}
