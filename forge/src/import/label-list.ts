// Owns which labels a foreign model has and which one each row of its validation file is of. It never reads rows.
import { NanofleetError } from '@nanofleet/protocol';
import { contentOf } from '../datasets/labelled-texts.ts';

interface Labelled {
  readonly label: string;
}

/** Where labels are named: a file with a label a line, or else the rows of the validation file. */
export interface LabelSources {
  readonly labels?: string | undefined;
  readonly validation: string;
}

/** The labels in the order of the outputs. @throws NanofleetError TRAINING_SET_INVALID */
export async function labelsOf(
  { labels, validation }: LabelSources,
  rows: readonly Labelled[],
): Promise<string[]> {
  const names =
    labels === undefined
      ? [...new Set(rows.map(({ label }) => label))].sort()
      : (await contentOf(labels)).split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  if (new Set(names).size === names.length && names.length > 1) return names;
  throw invalid(`${labels ?? validation} must name at least two labels, each once`);
}

/** The number of each row's label. @throws NanofleetError TRAINING_SET_INVALID */
export function goldOf(
  rows: readonly Labelled[],
  { labels, file }: { readonly labels: readonly string[]; readonly file: string },
): Int32Array {
  const unknown = rows.find(({ label }) => !labels.includes(label));
  if (unknown === undefined) return Int32Array.from(rows, ({ label }) => labels.indexOf(label));
  throw invalid(`${file} holds the label ${unknown.label}, which is not among the model's labels`);
}

const invalid = (message: string): NanofleetError => new NanofleetError('TRAINING_SET_INVALID', message);
