// Owns judging a recipe on groups that the judging network has not seen: one network for each fold, quantized as devices run it.
// It never writes a file.
import { accuracy, argMax, macroF1, quantile } from '@nanofleet/runtime';
import { SeededRandom } from '../seeded-random.ts';
import { augmentationOf } from './augmentation.ts';
import { activationScales, type SensorGraph, sensorGraph, type TrainedSensor } from './inference-graph.ts';
import { convolutionsOf, type SensorShape } from './network.ts';
import { labelNames, type SensorRecipe } from './recipe.ts';
import { type LabelledWindow, runFloat, trainSensor } from './train.ts';
import { runWindows } from './window-session.ts';
import { foldsOf, type RecordedWindow } from './windows.ts';

/** Windows that the ranges of the activations are measured on. */
const RANGE_WINDOWS = 500;

/** Told after each epoch. */
export type SensorProgress = (progress: {
  /** Fold from 1, or null for the network of the bundle. */
  readonly fold: number | null;
  readonly epoch: number;
  readonly loss: number;
}) => void;

/** What is trained. */
export interface SensorExperiment {
  readonly recipe: SensorRecipe;
  readonly channels: number;
  readonly seed: number;
  readonly progress: SensorProgress;
}

/** A network with its int8 graph. */
export interface SensorModel extends TrainedSensor {
  readonly graph: SensorGraph;
}

/** A window with what networks that had not seen its group said. */
export interface JudgedWindow {
  readonly window: RecordedWindow;
  readonly logits: Float32Array;
  readonly logitsFloat32: Float32Array;
}

/** The network of a recipe. */
function shapeOf({ network, window, labels }: SensorRecipe, channels: number): SensorShape {
  const { units, removesMean } = network;
  return {
    channels,
    windowSamples: window.samples,
    units: typeof units === 'number' ? Array.from({ length: channels }, () => units) : units,
    removesMean,
    convolutions: convolutionsOf(channels, network.convolutions),
    classes: labelNames({ labels }).length,
  };
}

/** Trains one network on windows and quantizes it. */
export async function trainModel(
  { recipe, channels, seed, progress }: SensorExperiment,
  { windows, fold }: { readonly windows: readonly LabelledWindow[]; readonly fold: number | null },
): Promise<SensorModel> {
  const shape = shapeOf(recipe, channels);
  const { augmentation, ...settings } = recipe.training;
  const form = { channels, samples: shape.windowSamples, units: shape.units };
  const parameters = await trainSensor({
    ...settings,
    shape,
    seed,
    training: windows,
    validation: [],
    augment: augmentationOf(augmentation, form),
    onEpoch: ({ epoch, loss }) => progress({ fold, epoch, loss }),
  });
  const every = Math.max(1, Math.floor(windows.length / RANGE_WINDOWS));
  const trained = { shape, parameters };
  const scales = await activationScales(
    trained,
    windows.filter((_, at) => at % every === 0),
  );
  return { ...trained, graph: sensorGraph(trained, scales) };
}

/** The windows that a recipe learns from. */
export const learnable = (
  windows: readonly RecordedWindow[],
  { window }: Pick<SensorRecipe, 'window'>,
): RecordedWindow[] => windows.filter(({ isMixed }) => window.mixed || !isMixed);

/** Judges every window by the network of the fold that its group is not in. */
export async function crossValidate(
  experiment: SensorExperiment,
  windows: readonly RecordedWindow[],
): Promise<JudgedWindow[]> {
  const judged: JudgedWindow[] = [];
  for (const [at, groups] of foldsOf(windows, experiment.recipe.folds).entries()) {
    const isHeld = ({ group }: RecordedWindow): boolean => groups.includes(group);
    const held = windows.filter(isHeld);
    const model = await trainModel(experiment, {
      windows: learnable(
        windows.filter((window) => !isHeld(window)),
        experiment.recipe,
      ),
      fold: at + 1,
    });
    const { shape, parameters, graph } = model;
    const float = await runFloat(parameters, { shape, windows: held, output: 'logits' });
    const coded = await runWindows(
      { graph: graph.bytes, shape },
      held.map(({ values }) => values),
    );
    held.forEach((window, index) => {
      const [logits, logitsFloat32] = [coded[index]?.logits, float[index]];
      if (logits && logitsFloat32) judged.push({ window, logits, logitsFloat32 });
    });
  }
  return judged;
}

/** Figures over judged windows; shares are 0..1. A window counts as often as it shows new readings. */
export interface SensorFigures {
  readonly windows: number;
  /** Accuracy over all windows, those of several labels among them. */
  readonly everyWindow: number;
  readonly accuracy: number;
  /** 95 % interval of the accuracy: groups are drawn again, since windows of one group are alike. */
  readonly low: number;
  readonly high: number;
  readonly accuracyFloat32: number;
  readonly macroF1: number;
  readonly groups: Readonly<Record<string, number>>;
  readonly worstGroup: number;
  readonly meanGroup: number;
  /** Rows: true labels; columns: answers. */
  readonly confusion: readonly (readonly number[])[];
}

/** The figures of a cross-validation. */
export function figuresOf(
  all: readonly JudgedWindow[],
  { recipe, classes }: { readonly recipe: Pick<SensorRecipe, 'window'>; readonly classes: number },
): SensorFigures {
  const everyWindow = shareRight(repeated(all));
  const judged = all.filter(({ window }) => recipe.window.mixed || !window.isMixed);
  const counted = repeated(judged);
  const gold = counted.map(({ window }) => window.label);
  const answers = counted.map(({ logits }) => argMax(logits));
  const groups = groupAccuracies(counted);
  const shares = Object.values(groups);
  const share = accuracy(answers, gold);
  const confusion = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  gold.forEach((label, at) => {
    const row = confusion[label];
    const answer = answers[at] ?? 0;
    if (row) row[answer] = (row[answer] ?? 0) + 1;
  });
  return {
    windows: judged.length,
    everyWindow,
    accuracy: share,
    ...intervalOf(counted),
    accuracyFloat32: accuracy(
      counted.map(({ logitsFloat32 }) => argMax(logitsFloat32)),
      gold,
    ),
    macroF1: macroF1(answers, gold, classes),
    groups,
    worstGroup: Math.min(...shares),
    meanGroup: shares.reduce((sum, one) => sum + one, 0) / shares.length,
    confusion,
  };
}

function groupAccuracies(counted: readonly JudgedWindow[]): Record<string, number> {
  const names = [...new Set(counted.map(({ window }) => window.group))];
  return Object.fromEntries(
    names.map((name) => {
      return [name, shareRight(counted.filter(({ window }) => window.group === name))];
    }),
  );
}

const repeated = (judged: readonly JudgedWindow[]): JudgedWindow[] =>
  judged.flatMap((one) => Array.from({ length: one.window.readings }, () => one));

const shareRight = (judged: readonly JudgedWindow[]): number =>
  judged.filter(({ window, logits }) => argMax(logits) === window.label).length / judged.length;

const RESAMPLES = 1000;

function intervalOf(counted: readonly JudgedWindow[]): { low: number; high: number } {
  const groups = new Map<string, { right: number; all: number }>();
  for (const { window, logits } of counted) {
    const { right, all } = groups.get(window.group) ?? { right: 0, all: 0 };
    groups.set(window.group, { right: right + Number(argMax(logits) === window.label), all: all + 1 });
  }
  const tallies = [...groups.values()];
  const random = new SeededRandom(1, 'groups drawn again');
  const shares = Float32Array.from({ length: RESAMPLES }, () => {
    const drawn = tallies.map(() => tallies[random.below(tallies.length)] ?? { right: 0, all: 0 });
    const sum = (of: (tally: { right: number; all: number }) => number): number =>
      drawn.reduce((total, tally) => total + of(tally), 0);
    return sum(({ right }) => right) / sum(({ all }) => all);
  });
  return { low: quantile(shares, 0.025), high: quantile(shares, 0.975) };
}
