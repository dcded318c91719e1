// Owns making a bundle of a recipe for sensor events: a network trained on every recording, thresholds from what networks of the
// folds said of people that they had not seen, prototypes, golden vectors, card. It never signs.
import type { ManifestDraft } from '@nanofleet/protocol';
import { calibrate } from '@nanofleet/runtime';
import { scoredQuality } from '../bundle/scored-quality.ts';
import { medianMicroseconds, SENSOR_RSS_BYTES } from '../bundle/session-cost.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { trainableHead } from '../train/head-step.ts';
import { answered, GOLDEN_TOLERANCE, sensorFiles } from './bundle-files.ts';
import { sensorCard } from './card.ts';
import { figuresOf, type JudgedWindow, type SensorFigures, type SensorModel } from './cross-validation.ts';
import { penultimateWidth } from './network.ts';
import type { SensorRecipe } from './recipe.ts';
import type { Recordings } from './recordings.ts';
import { runWindows } from './window-session.ts';
import type { RecordedWindow } from './windows.ts';

const COVERAGE = { inScope: 0.99, sure: 0.9 } as const;
const LATENCY_WINDOWS = 1000;

/** What a bundle is made of. `nowMs` is a monotonic clock with fractions. */
export interface SensorMaking {
  readonly recipe: SensorRecipe;
  readonly recordings: Recordings;
  readonly windows: readonly RecordedWindow[];
  readonly model: SensorModel;
  /** From cross-validation. */
  readonly judged: readonly JudgedWindow[];
  readonly seed: number;
  readonly directory: string;
  readonly nowMs: () => number;
}

/** What was made, as commands print it. Shares are 0..1; figures are of networks that had not seen the group that they judged. */
export interface MadeSensorBundle extends Omit<SensorFigures, 'confusion' | 'groups'> {
  readonly directory: string;
  readonly digest: string;
  /** Of the whole bundle, of the graph that runs, and of its weights alone. */
  readonly bytes: number;
  readonly graphBytes: number;
  readonly weightBytes: number;
  readonly microseconds: number;
}

/** Makes the bundle. */
export async function makeSensorBundle(making: SensorMaking): Promise<MadeSensorBundle> {
  const { recipe, recordings, model, judged, windows, nowMs, directory } = making;
  const took: number[] = [];
  const timer = { nowMs, onRun: (milliseconds: number) => void took.push(milliseconds) };
  const graph = { graph: model.graph.bytes, shape: model.shape };
  const outputs = await runWindows(
    graph,
    windows.map(({ values }) => values),
    timer,
  );
  const microseconds = medianMicroseconds(took.slice(-LATENCY_WINDOWS));
  const { groups, confusion, ...figures } = figuresOf(judged, {
    recipe,
    classes: recordings.labels.length,
  });
  const manifest = manifestOf(making, { figures, microseconds });
  const learned = answered(windows, outputs);
  const { digest, bytes } = await writeBundle(directory, {
    manifest,
    files: sensorFiles({ graph: model.graph.bytes, shape: model.shape, learned, golden: learned }),
    card: (facts) =>
      sensorCard({
        ...facts,
        recipe,
        manifest,
        recordings,
        figures: { ...figures, groups, confusion },
        model,
      }),
  });
  return {
    directory,
    digest,
    bytes,
    graphBytes: model.graph.bytes.length,
    weightBytes: weightBytesOf(model),
    microseconds,
    ...figures,
  };
}

/** Bytes of all weights and biases as the graph keeps them: int8 kernels with a float32 scale an output, int32 biases. */
function weightBytesOf({ shape }: Pick<SensorModel, 'shape'>): number {
  const kernels = shape.convolutions.reduce(
    (sum, { inputs, outputs, taps, depthwise }) => sum + outputs * ((depthwise ? 1 : inputs) * taps + 12),
    0,
  );
  return kernels + shape.classes * (penultimateWidth(shape) + 8);
}

type SensorDraft = Extract<ManifestDraft, { task: 'sensor-event' }>;
type PartialDraft = Omit<SensorDraft, 'files' | 'cost'> & { cost: Omit<SensorDraft['cost'], 'bytes'> };

function manifestOf(
  { recipe, recordings, model, judged, seed }: SensorMaking,
  {
    figures,
    microseconds,
  }: { readonly figures: Pick<SensorFigures, 'accuracy' | 'macroF1'>; readonly microseconds: number },
): PartialDraft {
  const { bundle, window, data } = recipe;
  const { channels, labels } = recordings;
  const gold = Int32Array.from(judged, (one) => one.window.label);
  const inScope = judged.map(({ logits }) => logits);
  const scoring = calibrate({ inScope, gold, outOfScope: [] }, labels, COVERAGE);
  const { expectedCalibrationError } = scoredQuality(
    { inScope, gold, outOfScope: [] },
    { ...scoring, labels },
  );
  return {
    format: 1,
    line: bundle.line,
    version: bundle.version,
    releaseCounter: bundle.releaseCounter,
    task: 'sensor-event',
    needs: { runtimeVersion: 1, rssBytes: SENSOR_RSS_BYTES },
    inputs: [
      {
        name: 'window',
        shape: [1, channels.length, window.samples],
        type: 'float32',
        unit: bundle.unit,
        rateHz: data.rateHz,
      },
    ],
    labels: { version: 1, names: [...labels] },
    sensor: {
      channels: [...channels],
      windowSamples: window.samples,
      hopSamples: window.hop,
      rateHz: data.rateHz,
      debounceWindows: bundle.debounceWindows,
      events: bundle.events,
    },
    ...scoring,
    trainable: trainableHead({ hidden: penultimateWidth(model.shape), classes: labels.length }),
    quantization: model.graph.quantization,
    golden: { tolerance: GOLDEN_TOLERANCE },
    quality: [
      {
        dataset: bundle.dataset,
        split: `cross-validation by ${data.group}, ${recipe.folds} folds`,
        seed,
        accuracy: figures.accuracy,
        macroF1: figures.macroF1,
        expectedCalibrationError,
      },
    ],
    cost: { microseconds, rssBytes: SENSOR_RSS_BYTES },
    license: bundle.license,
    attribution: bundle.attribution,
    parent: null,
  };
}
