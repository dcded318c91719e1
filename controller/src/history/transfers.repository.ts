/** SQL of transfers: what bringing bundles to devices took. */
import { type DeviceId, type LineId, type LineReport, TRANSFERS_KEPT_MAX } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { eq, sql } from 'drizzle-orm';
import { DATABASE, type Database, type Queries } from '../db/database.ts';
import { transfers } from './history.tables.ts';

/** What a device tells of one. */
export type Installed = NonNullable<LineReport['installed']>;
/** A row of transfers. */
export type TransferRow = typeof transfers.$inferSelect;

/** Two hexadecimal digits of the digest: as good as by chance. */
const slotOf = (digest: string): number => Number.parseInt(digest.slice(0, 2), 16) % TRANSFERS_KEPT_MAX;

/** Transfers in the database. */
@Injectable()
export class TransfersRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Notes transfers of devices; one that is there already is written once more. */
  async note(
    queries: Queries,
    devices: readonly {
      readonly device: DeviceId;
      readonly installed: readonly (readonly [LineId, Installed])[];
    }[],
    at: number,
  ): Promise<void> {
    const rows = devices.flatMap(({ device, installed }) =>
      installed.map(([line, taken]) => ({ device, line, at, slot: slotOf(taken.digest), ...taken })),
    );
    if (rows.length === 0) return;
    await queries
      .insert(transfers)
      .values(rows)
      .onConflictDoUpdate({
        target: [transfers.device, transfers.line, transfers.slot],
        set: {
          at: sql`excluded.at`,
          digest: sql`excluded.digest`,
          bytes: sql`excluded.bytes`,
          fetchMs: sql`excluded.fetch_ms`,
          settleMs: sql`excluded.settle_ms`,
        },
      });
  }

  /** All of a line. */
  list(line: LineId): Promise<TransferRow[]> {
    return this.database.select().from(transfers).where(eq(transfers.line, line));
  }
}
