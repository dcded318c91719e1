// Owns the text of the card of a bundle for sensor events: what the model is, data, licenses, figures with how they were measured,
// cost and limits. It never computes a figure.
import type { ManifestDraft } from '@nanofleet/protocol';
import { cardFoot, cardHead } from '../bundle/card-frame.ts';
import { document, list, percent, table } from '../bundle/markdown.ts';
import { costText, sensorOperations } from '../bundle/operations.ts';
import type { SensorFigures, SensorModel } from './cross-validation.ts';
import type { SensorRecipe } from './recipe.ts';
import type { Recordings } from './recordings.ts';

/** Everything that the card shows. */
export interface SensorCard {
  readonly recipe: SensorRecipe;
  readonly manifest: Pick<
    ManifestDraft,
    'line' | 'version' | 'releaseCounter' | 'quality' | 'golden' | 'license' | 'attribution'
  > & { readonly cost: { readonly microseconds: number; readonly rssBytes: number } };
  readonly digest: string;
  /** Size of the whole bundle, manifest included. */
  readonly bytes: number;
  readonly figures: SensorFigures;
  readonly recordings: Recordings;
  readonly model: SensorModel;
}

/** The card as Markdown. */
export function sensorCard(card: SensorCard): string {
  const { manifest, recipe, digest } = card;
  return document([
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
    confusionTable(card),
    '## Data',
    list(dataFacts(card)),
    ...cardFoot(manifest, recipe.bundle.limits),
  ]);
}

function modelFacts({ recipe, recordings, model, manifest, bytes }: SensorCard): string[] {
  const { window, data, network } = recipe;
  const layers = network.convolutions
    .map(
      ({ outputs, taps, stride, separable }) =>
        `${outputs} × ${taps}${stride > 1 ? `, every ${stride}` : ''}${separable ? ', separable' : ''}`,
    )
    .join('; ');
  return [
    `Input: ${window.samples} samples (${(window.samples / data.rateHz).toFixed(1)} s) of ${recordings.channels.length} channels at ${data.rateHz} Hz, a new window each ${window.hop} samples: ${recordings.channels.join(', ')}`,
    `Convolutions over time (channels × taps): ${layers}; mean and maximum over time, linear head of ${recordings.labels.length} labels`,
    'Weights 7 bits with a scale a channel (no overflow on processors without VNNI), activations uint8 with fixed scales, head quantized at run time',
    `${model.graph.bytes.length} bytes of graph, ${bytes} altogether; ${manifest.cost.microseconds} µs a window (median, one thread of the machine that trained it), ${costText(manifest.cost.rssBytes, sensorOperations(model.shape))}`,
    `Golden vectors may differ by ${manifest.golden.tolerance} of a logit`,
  ];
}

function qualityTable({ figures, manifest, recipe }: SensorCard): string {
  const { accuracy, low, high, accuracyFloat32, macroF1, meanGroup, worstGroup } = figures;
  return table([
    ['figure', 'value'],
    ['accuracy, float32', percent(accuracyFloat32)],
    ['accuracy, int8 (what runs)', `${percent(accuracy)} (95 %: ${percent(low)} to ${percent(high)})`],
    ['macro-F1', percent(macroF1)],
    ...(recipe.window.mixed
      ? []
      : [['accuracy, windows of several labels among them', percent(figures.everyWindow)]]),
    ['mean and worst of the groups', `${percent(meanGroup)}, ${percent(worstGroup)}`],
    ['calibration error (15 bins)', percent(manifest.quality[0]?.expectedCalibrationError ?? 0)],
  ]);
}

function qualityNotes({ recipe, figures, manifest }: SensorCard): string {
  const groups = Object.keys(figures.groups).length;
  const { group } = recipe.data;
  return (
    `${manifest.quality[0]?.dataset ?? ''}: ${figures.windows} windows of ${groups} groups (${group}), dealt into ${Math.min(recipe.folds, groups)} folds; each was judged by a network that had not seen its ${group}, ` +
    `with the recipe's settings and number of epochs; these were chosen by looking at such figures, which makes them a little optimistic. The interval draws groups again. The bundle's own network then learned from all of them, so it has no figure of its own here; ` +
    'temperature and thresholds come from the networks of the folds.'
  );
}

function confusionTable({ figures, recordings }: SensorCard): string {
  const rows = figures.confusion.map((row, label) => [recordings.labels[label] ?? '', ...row.map(String)]);
  return table([['truly \\ answered', ...recordings.labels], ...rows]);
}

function dataFacts({ recipe, recordings }: SensorCard): string[] {
  const samples = recordings.recordings.reduce((sum, { labels }) => sum + labels.length, 0);
  return [
    `${recipe.data.file}: ${recordings.recordings.length} recordings, ${samples} samples`,
    ...(recipe.data.kind === 'samples' && recipe.data.time !== undefined
      ? [
          `Readings come irregularly and are put on a grid of ${recipe.data.rateHz} Hz: the last value is held, the channel "age" says for how long; a window counts as often as it shows new readings`,
        ]
      : []),
  ];
}
