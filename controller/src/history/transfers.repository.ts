/** SQL of transfers: what bringing bundles to devices took. */
import { type DeviceId, type LineId, type LineReport, TRANSFERS_KEPT_MAX } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { eq, type SQL, sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
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

  /**
   * Runs a statement that returns a column `device`, and with it notes transfers of the devices that it returned; one that is
   * there already is written once more.
   */
  async noteWith(
    statement: SQL,
    devices: readonly {
      readonly device: DeviceId;
      readonly installed: readonly (readonly [LineId, Installed])[];
    }[],
    at: number,
  ): Promise<void> {
    const rows = devices.flatMap(({ device, installed }) =>
      installed.map(([line, taken]) => ({ device, line, slot: slotOf(taken.digest), ...taken })),
    );
    await this.database.execute(
      rows.length === 0
        ? statement
        : sql`with noted as (${statement})
            insert into ${transfers} (device, line, slot, at, digest, bytes, fetch_ms, settle_ms)
            select device, line, slot, ${at}::bigint, digest, bytes, "fetchMs", "settleMs"
            from noted join jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given(device text, line text, slot integer,
              digest text, bytes bigint, "fetchMs" double precision, "settleMs" double precision) using (device)
            on conflict (device, line, slot) do update set at = excluded.at, digest = excluded.digest, bytes = excluded.bytes,
              fetch_ms = excluded.fetch_ms, settle_ms = excluded.settle_ms`,
    );
  }

  /** All of a line. */
  list(line: LineId): Promise<TransferRow[]> {
    return this.database.select().from(transfers).where(eq(transfers.line, line));
  }
}
