// Owns reading labelled feature rows or windows from CSV: a column `label`, every other column a value, channel by channel.
// It never decides what a label means. Errors name file and line.

import { lineOfRow, numberOf, readCsv, refusedRow } from '../datasets/csv-table.ts';
import { contentOf } from '../datasets/labelled-texts.ts';

const LABEL = 'label';

/** Rows of a file with the names of their columns. */
export interface LabelledRows {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly values: Float32Array; readonly label: string }[];
}

/** The rows of a file; @throws NanofleetError TRAINING_SET_INVALID with the facts `file` and `line` */
export async function readRows(file: string): Promise<LabelledRows> {
  const [head = ''] = (await contentOf(file)).split('\n');
  const columns = head
    .replace(/\r$/, '')
    .split(',')
    .filter((name) => name !== LABEL);
  const { rows } = await readCsv(file, [LABEL, ...columns]);
  return {
    columns,
    rows: rows.map(([label = '', ...cells], row) => {
      const line = lineOfRow(row);
      if (label === '') throw refusedRow({ file, line }, 'the label is empty');
      const values = cells.map((cell, at) => numberOf(cell, { file, line, column: columns[at] ?? '' }));
      return { label, values: Float32Array.from(values) };
    }),
  };
}
