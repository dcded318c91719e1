// Owns the card of an imported model. It never computes a figure.
import type { ManifestDraft } from '@nanofleet/protocol';
import { cardFoot, cardHead } from '../bundle/card-frame.ts';
import { trustFacts } from '../bundle/card-trust.ts';
import { document, list, percent, table } from '../bundle/markdown.ts';
import type { MeasuredForm } from './forms.ts';

/** What is known of an imported model beside its manifest. */
export interface ImportedFacts {
  /** The model as it was given first, then those that were tried. */
  readonly forms: readonly MeasuredForm[];
  /** Name of the form in the bundle. */
  readonly chosen: string;
  /** Rows with a label of the model. */
  readonly rows: number;
  /** Constants of the bundle's graph that are kept in int8. */
  readonly quantizedTensors: number;
}

/** What a card is made of. */
export interface ImportedCard extends ImportedFacts {
  readonly manifest: Pick<
    ManifestDraft,
    | 'line'
    | 'version'
    | 'releaseCounter'
    | 'license'
    | 'attribution'
    | 'calibration'
    | 'thresholds'
    | 'quality'
  >;
  readonly source: string;
  readonly coverage: { readonly inScope: number; readonly sure: number };
  /** Further lines about the model. */
  readonly about: readonly string[];
}

const LIMITS = [
  'The model was trained elsewhere: what it learned from is not known here',
  'It does not learn on the device and takes no part in rounds: import a newer one instead',
  'Temperature and thresholds were fitted on the validation rows that the accuracy is of, so both are a little optimistic',
];

/** The comparison of all forms, as commands and cards show it. */
export const comparison = (forms: readonly MeasuredForm[]): string[][] => [
  ['form', 'accuracy', 'bytes of graph', 'µs a run'],
  ...forms.map((form) => [
    form.name,
    percent(form.accuracy),
    String(form.graphBytes),
    String(form.microseconds),
  ]),
];

/** The card as Markdown. */
export function importedCard(card: ImportedCard, { digest }: { readonly digest: string }): string {
  const { manifest, source, rows, quantizedTensors, chosen, forms, coverage, about } = card;
  return document([
    ...cardHead(manifest, { about: 'An imported classifier.', origin: `forge import ${source}`, digest }),
    '## Model',
    list([
      quantizedTensors === 0
        ? 'Weights as they were given (float32)'
        : `${quantizedTensors} weights in int8 (form ${chosen}); every other as it was given`,
      ...about,
    ]),
    table(comparison(forms)),
    '## Trust',
    trustFacts(manifest, coverage),
    `Measured on ${rows} rows of ${manifest.quality[0]?.dataset ?? ''}.`,
    ...cardFoot(manifest, LIMITS),
  ]);
}
