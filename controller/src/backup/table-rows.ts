/**
 * Tables as lines of JSON, out of any of our databases and into any other: PostgreSQL writes and reads each row itself
 * (row_to_json, json_populate_recordset), so that no number or byte passes through JavaScript. Tells each table's rows and
 * a digest that does not depend on their order. Never decides which tables there are to be.
 */
import { createHash } from 'node:crypto';
import { type SQL, sql } from 'drizzle-orm';
import { type Queries, rowsOf } from '../db/database.ts';
import { damaged } from './sealing.ts';

/** Kept elsewhere: migrations by the program, blobs beside the tables. */
const NOT_ROWS = new Set(['migrations', 'blob_pieces']);
const ROWS_AT_ONCE = 500;
/** Lines of one portion, bytes; a longer line is a portion of its own. */
const PORTION_BYTES = 1_048_576;
const SUM_BITS = 256n;

/** Rows of a table on their way. */
export interface Portion {
  readonly table: string;
  /** Each row one line, each line ended. */
  readonly lines: string;
}

/** What a table holds. */
export interface Tally {
  readonly rows: number;
  /** Sum of the SHA-256 of all lines modulo 2^256, hex. */
  readonly digest: string;
}

/** Counts what passes. */
export class Tallies {
  readonly #tables = new Map<string, { rows: number; sum: bigint }>();

  /** Adds a portion; one without lines notes the table. */
  add({ lines, table }: Portion): void {
    const tally = this.#tables.get(table) ?? { rows: 0, sum: 0n };
    for (const line of linesOf(lines)) {
      tally.rows += 1;
      tally.sum += BigInt(`0x${createHash('sha256').update(line).digest('hex')}`);
    }
    tally.sum = BigInt.asUintN(Number(SUM_BITS), tally.sum);
    this.#tables.set(table, tally);
  }

  /** All tables, by name. */
  shown(): Record<string, Tally> {
    const named = [...this.#tables].sort(([one], [other]) => (one < other ? -1 : 1));
    return Object.fromEntries(
      named.map(([name, { rows, sum }]) => [name, { rows, digest: sum.toString(16).padStart(64, '0') }]),
    );
  }
}

const linesOf = (lines: string): string[] => lines.split('\n').slice(0, -1);

const tableOf = (name: string): SQL => sql`${sql.identifier(name)}`;

/** Names of the tables that hold rows of ours. */
export const tablesIn = async (database: Queries): Promise<string[]> => {
  const rows = await rowsOf<{ name: string }>(
    database,
    sql`select tablename as name from pg_tables where schemaname = current_schema() order by tablename`,
  );
  return rows.map(({ name }) => name).filter((name) => !NOT_ROWS.has(name));
};

/** Every row of every table; to be read within one transaction that sees one moment. */
export async function* readRows(transaction: Queries): AsyncGenerator<Portion> {
  for (const table of await tablesIn(transaction)) {
    yield { table, lines: '' };
    yield* readTable(transaction, table);
  }
}

async function* readTable(transaction: Queries, table: string): AsyncGenerator<Portion> {
  const rows = sql`select row_to_json(source)::text as line from ${tableOf(table)} as source`;
  await transaction.execute(sql`declare portions no scroll cursor for ${rows}`);
  const count = sql.raw(String((await hasBytes(transaction, table)) ? 1 : ROWS_AT_ONCE));
  let lines: string[] = [];
  let bytes = 0;
  for (;;) {
    const fetched = await rowsOf<{ line: string }>(transaction, sql`fetch ${count} from portions`);
    for (const { line } of fetched) {
      lines.push(`${line}\n`);
      bytes += line.length;
    }
    if (lines.length > 0 && (bytes >= PORTION_BYTES || fetched.length === 0)) {
      yield { table, lines: lines.join('') };
      lines = [];
      bytes = 0;
    }
    if (fetched.length === 0) break;
  }
  await transaction.execute(sql`close portions`);
}

/** Rows with bytes may be megabytes: they come one by one. */
const hasBytes = async (database: Queries, table: string): Promise<boolean> => {
  const found = await rowsOf(
    database,
    sql`select 1 from information_schema.columns
      where table_schema = current_schema() and table_name = ${table} and data_type = 'bytea'`,
  );
  return found.length > 0;
};

/** Puts rows into a table of their name; columns that they do not have get their defaults. */
export const writeRows = async (transaction: Queries, { lines, table }: Portion): Promise<void> => {
  const rows = linesOf(lines);
  const [first] = rows;
  if (first === undefined) return;
  const columns = sql.join(
    columnsOf(first).map((name) => sql.identifier(name)),
    sql`, `,
  );
  const given = `[${rows.join(',')}]`;
  await transaction.execute(
    sql`insert into ${tableOf(table)} (${columns}) overriding system value
      select ${columns} from json_populate_recordset(null::${tableOf(table)}, ${given}::json)`,
  );
};

const columnsOf = (line: string): string[] => {
  try {
    return Object.keys(JSON.parse(line) as Record<string, unknown>);
  } catch (cause) {
    throw damaged('a row cannot be read', cause);
  }
};

/** Lets columns that number rows go on behind the greatest number there is. */
export const resumeNumbers = async (transaction: Queries): Promise<void> => {
  const numbered = await rowsOf<{ table: string; column: string }>(
    transaction,
    sql`select table_name as "table", column_name as "column" from information_schema.columns
      where table_schema = current_schema() and is_identity = 'YES'`,
  );
  for (const { column, table } of numbered) {
    const greatest = sql`select coalesce(max(${sql.identifier(column)}), 0) + 1 from ${tableOf(table)}`;
    await transaction.execute(
      sql`select setval(pg_get_serial_sequence(quote_ident(current_schema()) || '.' || quote_ident(${table}), ${column}), (${greatest}), false)`,
    );
  }
};
