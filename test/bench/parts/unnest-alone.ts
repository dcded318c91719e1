// The peer of the ingest: rows of the same form into a table of the same form, by `unnest`, a thousand to a statement, one
// statement after the other, with nothing before it. What PostgreSQL gives on this machine to whoever only inserts.
import type { ScratchDatabase } from '@nanofleet/controller/testing';

const BATCH = 1_000;
const EVENT = JSON.stringify({
  type: 'decision',
  decision: '01890a5d-ac96-774b-bcce-b302099a8057',
  line: 'intent',
  version: '1.0.0',
  tier: 'nano',
  micros: 12,
  label: 'lights_on',
  confidence: 0.9,
  outOfScope: 0.1,
  verdict: 'sure',
});

const INSERT = `insert into alone (device, epoch, sequence, recorded_at, received_at, type, event)
  select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::jsonb[])
  on conflict do nothing`;

let made = 0;

const batch = (rows: number): unknown[] => {
  const fill = <T>(value: T): T[] => Array.from({ length: rows }, () => value);
  const sequences = Array.from({ length: rows }, () => (made += 1));
  const devices = sequences.map((sequence) => `device-${sequence % 1_000}`);
  return [devices, fill('0123456789abcdef'), sequences, fill(1), fill(1), fill('decision'), fill(EVENT)];
};

/** Inserts so many rows; rows a second. */
export const insertAlone = async (database: ScratchDatabase, rows: number): Promise<number> => {
  await database.query('create table if not exists alone (like events including all)');
  const begun = performance.now();
  for (let left = rows; left > 0; left -= BATCH) await database.query(INSERT, batch(Math.min(BATCH, left)));
  return rows / ((performance.now() - begun) / 1_000);
};
