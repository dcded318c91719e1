// Owns reading a table of comma-separated values (RFC 4180 without quotes), plain or gzipped. Errors name file and line. It never
// decides what a column means.
import { NanofleetError } from '@nanofleet/protocol';
import { contentOf } from './labelled-texts.ts';

/** The named columns of a table, row by row. */
export interface CsvTable {
  readonly file: string;
  /** One row for each line; cells in the order in which the columns were asked for. */
  readonly rows: readonly (readonly string[])[];
}

/** Line of the file, from 1, that holds row `row`: the first line names the columns. */
export const lineOfRow = (row: number): number => row + 2;

/**
 * Reads the columns `wanted` of a file whose first line names its columns.
 * @throws NanofleetError TRAINING_SET_INVALID with the facts `file` and `line`
 */
export async function readCsv(file: string, wanted: readonly string[]): Promise<CsvTable> {
  const lines = (await contentOf(file)).split('\n').map((line) => line.replace(/\r$/, ''));
  const header = (lines[0] ?? '').split(',');
  const places = wanted.map((name) => {
    const at = header.indexOf(name);
    if (at < 0)
      throw refusedRow({ file, line: 1 }, `there is no column ${name}; the columns are ${header.join(', ')}`);
    return at;
  });
  const rows = lines.slice(1).flatMap((line, row) => {
    if (line === '') return [];
    const cells = line.split(',');
    if (cells.length !== header.length)
      throw refusedRow(
        { file, line: lineOfRow(row) },
        `${cells.length} cells, where the first line names ${header.length} columns`,
      );
    return [places.map((at) => cells[at] ?? '')];
  });
  if (rows.length === 0) throw refusedRow({ file, line: 0 }, 'the file holds no row');
  return { file, rows };
}

/** A finite number out of a cell. @throws NanofleetError TRAINING_SET_INVALID */
export function numberOf(
  cell: string,
  place: { readonly file: string; readonly line: number; readonly column: string },
): number {
  const value = cell.trim() === '' ? Number.NaN : Number(cell);
  if (Number.isFinite(value)) return value;
  const shown = cell.trim() === '' ? 'nothing' : cell.slice(0, 20);
  throw refusedRow(
    place,
    `${place.column} holds ${shown}, not a finite number; leave the row out or repair it`,
  );
}

/** The refusal of a line. */
export function refusedRow(
  { file, line }: { readonly file: string; readonly line: number },
  problem: string,
): NanofleetError {
  return new NanofleetError('TRAINING_SET_INVALID', `${file}, line ${line}: ${problem}`, {
    facts: { file, line },
  });
}
