// Owns the card of an imported model. It never computes a figure.
import type { ManifestDraft } from '@nanofleet/protocol';
import { cardFoot, cardHead } from '../bundle/card-frame.ts';
import { trustFacts } from '../bundle/card-trust.ts';
import { document, list, percent, table } from '../bundle/markdown.ts';

/** How a form of the model did on the validation file. */
export interface MeasuredForm {
  /** Share of rows answered right, 0..1. */
  readonly accuracy: number;
  readonly graphBytes: number;
  /** Median of a run. */
  readonly microseconds: number;
}

/** What a card is made of. */
export interface ImportedCard {
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
  readonly rows: number;
  readonly given: MeasuredForm;
  readonly int8: MeasuredForm;
  readonly quantizedLayers: number;
  readonly keptFloat: boolean;
  readonly coverage: { readonly inScope: number; readonly sure: number };
}

const LIMITS = [
  'The model was trained elsewhere: what it learned from is not known here',
  'It does not learn on the device and takes no part in rounds: import a newer one instead',
  'Temperature and thresholds were fitted on the validation rows that the accuracy is of, so both are a little optimistic',
];

/** The comparison of both forms, as commands and cards show it. */
export const comparison = ({ given, int8 }: Pick<ImportedCard, 'given' | 'int8'>): string[][] => [
  ['form', 'accuracy', 'bytes of graph', 'µs a run'],
  ...[['float32', given] as const, ['int8', int8] as const].map(([name, form]) => [
    name,
    percent(form.accuracy),
    String(form.graphBytes),
    String(form.microseconds),
  ]),
];

/** The card as Markdown. */
export function importedCard(card: ImportedCard, { digest }: { readonly digest: string }): string {
  const { manifest, source, rows, quantizedLayers, keptFloat, coverage } = card;
  return document([
    ...cardHead(manifest, { about: 'An imported classifier.', origin: `forge import ${source}`, digest }),
    '## Model',
    list([
      keptFloat
        ? 'Weights as they were given (float32)'
        : `${quantizedLayers} dense layers in int8 (7 bits, a scale a column); every other layer as it was given`,
    ]),
    table(comparison(card)),
    '## Trust',
    trustFacts(manifest, coverage),
    `Measured on ${rows} rows of ${manifest.quality[0]?.dataset ?? ''}.`,
    ...cardFoot(manifest, LIMITS),
  ]);
}
