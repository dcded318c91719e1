/**
 * Rows as aligned columns under quiet headings. Knows nothing of what the rows mean; numbers align right.
 */
import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from './terminal.ts';

/** One column: its heading and how a row shows in it. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string | number;
}

/** Lines of a table; a single remark when there is no row. */
export function tableOf<Row>(
  terminal: Terminal,
  rows: readonly Row[],
  options: { columns: readonly Column<Row>[]; empty: string },
): string[] {
  if (rows.length === 0) return [terminal.paint(options.empty, 'dim')];
  const cells = rows.map((row) => options.columns.map(({ cell }) => cell(row)));
  const widths = options.columns.map(({ title }, at) =>
    Math.max(title.length, ...cells.map((row) => widthOf(row[at] ?? ''))),
  );
  const heading = options.columns.map(({ title }, at) => aligned(title, widths[at] ?? 0, cells[0]?.[at]));
  const body = cells.map((row) => row.map((cell, at) => aligned(cell, widths[at] ?? 0, cell)));
  return [terminal.paint(joined(heading), 'dim'), ...body.map(joined)];
}

const joined = (cells: readonly string[]): string => cells.join('  ').trimEnd();

function aligned(text: string | number, width: number, sample: string | number | undefined): string {
  const fill = ' '.repeat(Math.max(0, width - widthOf(text)));
  return typeof sample === 'number' ? `${fill}${text}` : `${text}${fill}`;
}

/** Columns that a cell takes: characters, without colour codes. */
function widthOf(cell: string | number): number {
  return stripVTControlCharacters(String(cell)).length;
}
