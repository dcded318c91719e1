// Owns the text of a text bundle's card: what the model is, data, licenses, figures with how they were measured, cost and
// limits. It never computes a figure.
import type { ManifestDraft } from '@nanofleet/protocol';
import { wilsonInterval } from '@nanofleet/runtime';
import { type Recipe, towerSettings } from '../text/recipe.ts';
import type { Tower } from '../text/tower.ts';
import { cardFoot } from './card-frame.ts';
import { trustFacts } from './card-trust.ts';
import { document, list, percent, table } from './markdown.ts';
import { bagOperations, costText } from './operations.ts';

/** Everything that a card shows. */
export interface TextCard {
  readonly recipe: Recipe;
  readonly manifest: Pick<
    ManifestDraft,
    | 'line'
    | 'version'
    | 'releaseCounter'
    | 'quality'
    | 'calibration'
    | 'thresholds'
    | 'license'
    | 'attribution'
    | 'parent'
    | 'golden'
    | 'quantization'
  > & {
    readonly cost: { readonly microseconds: number; readonly rssBytes: number };
    readonly labels: { readonly names: readonly string[] };
  };
  readonly digest: string;
  /** Size of the whole bundle, manifest included. */
  readonly bytes: number;
  /** Size of the form in which the graph travels, if it has one. */
  readonly wireBytes?: number | undefined;
  readonly accuracyFloat32: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly towers: readonly Tower[];
}

/** The card as Markdown. */
export function textCard(card: TextCard): string {
  const { manifest, recipe, digest } = card;
  const sections = [
    `# ${manifest.line} ${manifest.version} (release ${manifest.releaseCounter})`,
    recipe.bundle?.about ?? '',
    list([
      `Made by \`forge run forge/recipes/${recipe.name}.json\`; digest \`${digest}\``,
      ...(manifest.parent === null ? [] : [`Parent: \`${manifest.parent}\``]),
    ]),
    '## Model',
    list(modelFacts(card)),
    '## Quality',
    qualityTable(card),
    qualityNotes(card),
    ...(recipe.bundle ? ['## Trust', trustFacts(manifest, recipe.bundle.coverage)] : []),
    '## Data',
    list(dataFacts(card)),
    ...cardFoot(manifest, recipe.bundle?.limits ?? []),
  ];
  return document(sections);
}

function modelFacts({ recipe, manifest, bytes, wireBytes, towers }: TextCard): string[] {
  const { buckets, charMin, charMax, width, hidden } = towerSettings(recipe);
  const side =
    towers.length === 1 ? 'one network' : `${towers.length} networks side by side, logits averaged`;
  return [
    `${manifest.labels.names.length} labels; ${side}`,
    `Hashed words, word bigrams and character ${charMin}- to ${charMax}-grams into ${buckets} rows of ${width}; sum by √count, layer norm, ${hidden === 0 ? '' : `${hidden} GELU units, `}head`,
    quantizationFact(manifest.quantization),
    `${bytes} bytes altogether; ${manifest.cost.microseconds} µs from text to logits (median, one thread of the machine that trained it), ${costText(
      manifest.cost.rssBytes,
      towers.reduce((sum, { shape }) => sum + bagOperations(shape), 0),
    )}`,
    ...(wireBytes === undefined
      ? []
      : [`The graph travels in ${wireBytes} bytes and is expanded where it is installed`]),
    `Golden vectors may differ by ${manifest.golden.tolerance} of a logit`,
  ];
}

function quantizationFact(grids: ManifestDraft['quantization']): string {
  const bitsOf = (isTable: boolean): string =>
    [...new Set(grids.filter(({ axis }) => (axis === 0) === isTable).map(({ bits }) => bits))].join(' and ');
  const table = bitsOf(true);
  const width = grids.find(({ codebook }) => codebook !== undefined)?.codebook?.width;
  const form = table === '8' ? 'int8' : `${table} bits in int8`;
  const pieces = width === undefined ? '' : `, made of pieces of ${width} weights from one codebook,`;
  return `Table ${form}${pieces} with a scale a row; matrices ${bitsOf(false)} bits with a scale a column (no overflow on processors without VNNI); activations uint8, quantized at run time`;
}

function qualityTable({ manifest, accuracyFloat32, counts }: TextCard): string {
  const texts = counts['validation'] ?? 0;
  const rows = manifest.quality.flatMap((quality) => [
    ['in-scope accuracy, float32', percent(accuracyFloat32)],
    ['in-scope accuracy, int8 (what runs)', withInterval(quality.accuracy, texts)],
    ...(quality.expectedCalibrationError === undefined
      ? []
      : [['calibration error (15 bins)', percent(quality.expectedCalibrationError)]]),
    ...(quality.auroc === undefined ? [] : [['out-of-scope AUROC', percent(quality.auroc)]]),
    ...(quality.fpr95 === undefined
      ? []
      : [['out-of-scope accepted at 95 % in-scope coverage', percent(quality.fpr95)]]),
  ]);
  return table([['figure', 'value'], ...rows]);
}

function qualityNotes({ manifest, counts }: TextCard): string {
  const [quality] = manifest.quality;
  return (
    `${quality?.dataset ?? ''}, ${quality?.split ?? ''} split (${counts['validation']} texts), seed ${quality?.seed ?? 0}. The same texts chose the epoch, the temperature ` +
    `(${manifest.calibration.temperature.toFixed(3)}) and the thresholds, so calibration error and accuracy are slightly optimistic; the data set's test split was not touched. ` +
    `AUROC and the accepted share are over ${counts['outOfScopeReport']} out-of-scope texts that nothing was fitted to.`
  );
}

function dataFacts({ recipe, counts }: TextCard): string[] {
  return [
    `${counts['training']} labelled texts: ${recipe.data.labelled.map(({ file }) => file).join(', ')}`,
    ...(recipe.data.grammars.length === 0
      ? []
      : [
          `${counts['grammars']} labelled sentences and ${counts['outOfScope']} out of scope that this project's own grammars give (corpus/grammars)`,
        ]),
    ...(recipe.distillation
      ? [
          `${counts['unlabelled']} texts without labels, for distillation: ${recipe.data.unlabelled.join(', ')}; some are labelled texts recombined`,
        ]
      : []),
    `${counts['outOfScopeTuning']} out-of-scope texts for the scale of the out-of-scope score; no network is trained on any of these`,
    'Texts that also occur in validation were removed from everything learned from',
  ];
}

// 95 %, as if the texts were drawn at random.
function withInterval(share: number, texts: number): string {
  if (texts === 0) return percent(share);
  const { low, high } = wilsonInterval(Math.round(share * texts), texts);
  return `${percent(share)} (95 %: ${percent(low)} to ${percent(high)})`;
}
