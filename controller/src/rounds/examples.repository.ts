/** SQL of the operator's examples. */
import type { Example, LineId } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { asc, eq } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { examples } from './rounds.tables.ts';

/** Rows of one statement; a row has five parameters, a statement 65,535 at most. */
const ROWS_MAX = 5_000;

/** Examples in the database. */
@Injectable()
export class ExamplesRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Replaces the examples of a line. */
  async put(line: LineId, given: readonly Example[], storedAt: number): Promise<void> {
    await this.database.transaction(async (transaction) => {
      await transaction.delete(examples).where(eq(examples.line, line));
      for (let from = 0; from < given.length; from += ROWS_MAX) {
        const rows = given.slice(from, from + ROWS_MAX);
        await transaction
          .insert(examples)
          .values(rows.map(({ intent, text }, at) => ({ line, place: from + at, text, intent, storedAt })));
      }
    });
  }

  /** The examples of a line in their order. */
  of(line: LineId) {
    return this.database.select().from(examples).where(eq(examples.line, line)).orderBy(asc(examples.place));
  }
}
