// Owns reading labelled texts for an import: JSON lines with `text` and `label`, or a table of these two columns, separated by tabs
// (.tsv) or by commas with quotes (RFC 4180). Errors name file and line, never the text. It never decides what a label means.

import { toNanofleetError } from '@nanofleet/protocol';
import { checkText } from '@nanofleet/runtime';
import { z } from 'zod';
import { lineOfRow, refusedRow } from '../datasets/csv-table.ts';
import { contentOf } from '../datasets/labelled-texts.ts';

/** A text and its label. */
export interface LabelledRow {
  readonly text: string;
  readonly label: string;
}

const COLUMNS = ['text', 'label'] as const;
const rowSchema = z.object({ text: z.string(), label: z.string().min(1) });

/** The rows of a file; @throws NanofleetError TRAINING_SET_INVALID with the facts `file` and `line` */
export async function readTextRows(file: string): Promise<LabelledRow[]> {
  const lines = (await contentOf(file)).split('\n').map((line) => line.replace(/\r$/, ''));
  const rows = /\.jsonl(\.gz)?$/.test(file) ? fromJson(lines, file) : fromTable(lines, file);
  if (rows.length === 0) throw refusedRow({ file, line: 0 }, 'the file holds no row');
  return rows;
}

const fromJson = (lines: readonly string[], file: string): LabelledRow[] =>
  lines.flatMap((content, at) =>
    content.trim() === '' ? [] : [checked(jsonOf(content, { file, line: at + 1 }), { file, line: at + 1 })],
  );

function fromTable([head = '', ...lines]: readonly string[], file: string): LabelledRow[] {
  const cellsOf = /\.tsv(\.gz)?$/.test(file) ? (line: string) => line.split('\t') : quotedCells;
  const header = cellsOf(head) ?? [];
  const [text, label] = COLUMNS.map((name) => header.indexOf(name));
  if (text === undefined || label === undefined || text < 0 || label < 0)
    throw refusedRow({ file, line: 1 }, `it must name the columns ${COLUMNS.join(' and ')}`);
  return lines.flatMap((content, row) => {
    if (content === '') return [];
    const place = { file, line: lineOfRow(row) };
    const cells = cellsOf(content);
    if (cells?.length !== header.length)
      throw refusedRow(
        place,
        `${cells?.length ?? 'broken'} cells, where the first line names ${header.length} columns`,
      );
    return [checked({ text: cells[text], label: cells[label] }, place)];
  });
}

/** The cells of a line; null where a quote is not closed. */
function quotedCells(line: string): string[] | null {
  const cells = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))(?=,|$)/g)];
  const length = cells.reduce((sum, [whole]) => sum + whole.length, 0);
  if (length !== line.length) return null;
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}

interface Place {
  readonly file: string;
  readonly line: number;
}

function jsonOf(content: string, place: Place): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw refusedRow(place, 'not JSON; expected {"text": …, "label": …}');
  }
}

/** What a device would not take is not judged either. */
function checked(row: unknown, place: Place): LabelledRow {
  const parsed = rowSchema.safeParse(row);
  if (!parsed.success) throw refusedRow(place, 'it needs a text and a label that is not empty');
  try {
    checkText(parsed.data.text);
  } catch (thrown) {
    throw refusedRow(place, toNanofleetError(thrown).message);
  }
  return parsed.data;
}
