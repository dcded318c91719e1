/**
 * What must change in rows that are older than the world around them: secrets that may have been used or withdrawn since
 * are gone, devices that the operator names are revoked, and the database remembers that it was restored. Never decides
 * who may come back: that is the readmission's.
 */
import type { DeviceId } from '@nanofleet/protocol';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { type Queries, rowsOf } from '../db/database.ts';

/** Name of the fixture that says so. */
export const RESTORED = 'restored';

/** What a database remembers of its last restore. */
const restoredSchema = z.object({
  /** Of the backup. */
  id: z.string(),
  /** When the backup was made, milliseconds since 1970. */
  createdAt: z.int(),
  /** When it was restored. */
  at: z.int(),
});
export type Restored = z.infer<typeof restoredSchema>;

/** Devices have seen no more changes than this between a backup and its restore. */
const VERSIONS_APART = 1_000_000;

/** Brings restored rows into the present. */
export const afterRestore = async (
  transaction: Queries,
  { restored, revoked }: { restored: Restored; revoked: readonly DeviceId[] },
): Promise<void> => {
  // Used up, withdrawn or run out since: nobody can know, and new ones cost a command.
  for (const table of ['fleet_tokens', 'sessions', 'sign_in_codes']) {
    await transaction.execute(sql`delete from ${sql.identifier(table)}`);
  }
  // Versions and places of jobs that were given out after the backup must not come again with other words in them.
  await transaction.execute(
    sql`update devices set is_online = false, desired_version = desired_version + ${VERSIONS_APART},
      job_sequence = job_sequence + ${VERSIONS_APART}, desired_state = null, desired = null`,
  );
  for (const device of revoked) await revoke(transaction, { device, at: restored.at });
  await transaction.execute(
    sql`insert into fixtures (name, value) values (${RESTORED}, ${JSON.stringify(restored)})
      on conflict (name) do update set value = excluded.value`,
  );
};

/** Also of a device that the backup does not know: its row keeps it from coming back. */
const revoke = async (
  transaction: Queries,
  { at, device }: { at: number; device: DeviceId },
): Promise<void> => {
  await transaction.execute(
    sql`insert into devices (device, device_group, public_key, enrolled_at, revoked_at)
      values (${device}, 'revoked', '', ${at}, ${at})
      on conflict (device) do update set revoked_at = coalesce(devices.revoked_at, excluded.revoked_at),
        credential_hash = null, tls_key = null, desired = null, desired_state = null`,
  );
};

/** What a database remembers of its last restore; null when it never was. */
export const restoredOf = async (database: Queries): Promise<Restored | null> => {
  const [row] = await rowsOf<{ value: string }>(
    database,
    sql`select value from fixtures where name = ${RESTORED}`,
  );
  return row === undefined ? null : restoredSchema.parse(JSON.parse(row.value));
};
