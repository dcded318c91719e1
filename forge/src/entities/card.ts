// Owns the text of the card of a bundle that finds entities: what the model is, data, licenses, figures with how they were
// measured, cost and limits. It never computes a figure.
import type { ManifestDraft } from '@nanofleet/protocol';
import { wilsonInterval } from '@nanofleet/runtime';
import { cardFoot, cardHead } from '../bundle/card-frame.ts';
import { trustFacts } from '../bundle/card-trust.ts';
import { document, list, percent, table } from '../bundle/markdown.ts';
import { costText, taggerOperations } from '../bundle/operations.ts';
import type { EntityRecipe } from './recipe.ts';
import type { EntityRecipeData } from './recipe-texts.ts';
import type { TaggerShape } from './tagger.ts';
import type { TaggerScore } from './tagger-evaluation.ts';

/** Words of a text whose cost is told. */
const TYPICAL_TOKENS = 8;

/** Everything that a card shows. */
export interface EntityCard {
  readonly recipe: EntityRecipe;
  readonly manifest: Pick<
    ManifestDraft,
    | 'line'
    | 'version'
    | 'releaseCounter'
    | 'quality'
    | 'calibration'
    | 'thresholds'
    | 'golden'
    | 'license'
    | 'attribution'
  > & { readonly cost: { readonly microseconds: number; readonly rssBytes: number } };
  readonly digest: string;
  /** Size of the whole bundle, manifest included. */
  readonly bytes: number;
  readonly float32: TaggerScore;
  readonly int8: TaggerScore;
  readonly shape: TaggerShape;
  readonly data: EntityRecipeData;
}

/** The card as Markdown. */
export function entityCard(card: EntityCard): string {
  const { manifest, recipe, digest } = card;
  const sections = [
    ...cardHead(manifest, {
      about: recipe.bundle.about,
      origin: `forge run forge/recipes/${recipe.name}.json`,
      digest,
    }),
    '## Model',
    list(modelFacts(card)),
    '## Quality',
    qualityTable(card),
    qualityNotes(card),
    '## Trust',
    trustFacts(manifest, recipe.bundle.coverage),
    '## Data',
    list(dataFacts(card)),
    ...cardFoot(manifest, recipe.bundle.limits),
  ];
  return document(sections);
}

function modelFacts({ shape, manifest, bytes, data }: EntityCard): string[] {
  const { buckets, charMin, charMax } = shape.features;
  const reach = shape.convolutions
    .map(({ taps, dilation }) => `${taps} tokens, ${dilation} apart`)
    .join('; ');
  return [
    `${data.learning.intents.length} intents and ${data.learning.types.length} types of entities in one run of one graph`,
    `Hashed words, word bigrams and character ${charMin}- to ${charMax}-grams into ${buckets} rows of ${shape.width}`,
    `Intent: sum of all rows by √count, layer norm, ${shape.hidden} GELU units, beside the mean of the last convolution`,
    `Tags: sum of each token's rows, layer norm, convolutions of ${shape.channels} channels (${reach}), the first told what the whole text is about; the best sequence of tags by Viterbi`,
    'Table int8 with a scale a row; matrices 7 bits with a scale a column; activations uint8, quantized at run time',
    `${bytes} bytes altogether; ${manifest.cost.microseconds} µs from text to scores (median, one thread of the machine that trained it), ${costText(manifest.cost.rssBytes, taggerOperations(shape, TYPICAL_TOKENS))} for ${TYPICAL_TOKENS} words`,
    `Golden vectors may differ by ${manifest.golden.tolerance} of a score`,
  ];
}

function qualityTable({ float32, int8, manifest }: EntityCard): string {
  const [quality] = manifest.quality;
  const row = (name: string, of: (score: TaggerScore) => number): string[] => [
    name,
    percent(of(float32)),
    percent(of(int8)),
  ];
  const rows = [
    row('intent accuracy', ({ intents }) => intents),
    row('entities, strict span F1', ({ spans }) => spans.f1),
    row('entities, precision', ({ spans }) => spans.precision),
    row('entities, recall', ({ spans }) => spans.recall),
    row('whole text right', ({ sentences }) => sentences),
    ['calibration error (15 bins)', '', percent(quality?.expectedCalibrationError ?? 0)],
    ...(quality?.auroc === undefined ? [] : [['out-of-scope AUROC', '', percent(quality.auroc)]]),
    ...(quality?.fpr95 === undefined
      ? []
      : [['out-of-scope accepted at 95 % in-scope coverage', '', percent(quality.fpr95)]]),
  ];
  return table([['figure', 'float32', 'int8 (what runs)'], ...rows]);
}

function qualityNotes({ manifest, data, int8 }: EntityCard): string {
  const [quality] = manifest.quality;
  const { texts } = data.validation;
  const marked = texts.filter(({ entities }) => entities !== null).length;
  return (
    `${quality?.dataset ?? ''}, validation (${texts.length} texts, of ${marked} the ${int8.spans.marked} entities are marked), seed ${quality?.seed ?? 0}; 95 % intervals ${interval(int8.intents, texts.length)} for intents ` +
    `and ${interval(int8.spans.recall, int8.spans.marked)} for recall come from the size of the set alone. An entity counts only with the right start, end and type. The same texts chose the epoch, ` +
    `the temperature and the thresholds, so the figures are slightly optimistic; the data set's test split was not touched.` +
    (data.outOfScopeReport.length === 0
      ? ''
      : ` Out-of-scope figures are over ${data.outOfScopeReport.length} texts that nothing was fitted to.`)
  );
}

function interval(share: number, count: number): string {
  if (count === 0) return '-';
  const { low, high } = wilsonInterval(Math.round(share * count), count);
  return `${percent(low)} to ${percent(high)}`;
}

function dataFacts({ recipe, data }: EntityCard): string[] {
  const marked = data.learning.texts.reduce((sum, { entities }) => sum + entities.length, 0);
  const further = data.learning.further ?? [];
  const count = (isIn: boolean): number =>
    further.flatMap(({ texts }) => texts).filter(({ intent }) => (intent !== null) === isIn).length;
  const sources = [
    ...recipe.data.labelled.map(({ file }) => file),
    ...recipe.data.grammars.map(({ folder }) => folder.replace(/^(\.\.\/)+/, '')),
  ];
  return [
    `${data.learning.texts.length} texts with ${marked} marked entities: ${recipe.data.annotated.join(', ')}`,
    ...(count(true) === 0 ? [] : [`${count(true)} texts with an intent alone: ${sources.join(', ')}`]),
    ...(count(false) === 0
      ? []
      : [`${count(false)} sentences that belong to no intent, by this project's own grammars`]),
    ...(data.outOfScopeTuning.length === 0
      ? []
      : [
          `${data.outOfScopeTuning.length} out-of-scope texts for the scale of the out-of-scope score; no network is trained on any of these`,
        ]),
    'Texts that also occur in validation were removed from everything learned from',
  ];
}
