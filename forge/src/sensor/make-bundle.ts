// Owns making a bundle of a recipe for sensor events: a network trained on every recording, thresholds from what networks of the
// folds said of people that they had not seen, prototypes, golden vectors, card. It never signs.
import type { FileRole, ManifestDraft } from '@nanofleet/protocol';
import {
  calibrate,
  encodeGolden,
  encodePrototypes,
  encodeWindow,
  expectedCalibrationError,
  prototypesOf,
  quantile,
  scoreLogits,
} from '@nanofleet/runtime';
import { writeBundle } from '../bundle/write-bundle.ts';
import { headTrainingGraph } from '../train/head-step.ts';
import { sensorCard } from './card.ts';
import { figuresOf, type JudgedWindow, type SensorFigures, type SensorModel } from './cross-validation.ts';
import { penultimateWidth } from './network.ts';
import type { SensorRecipe } from './recipe.ts';
import type { Recordings } from './recordings.ts';
import { runWindows, type WindowOutputs } from './window-session.ts';
import type { RecordedWindow } from './windows.ts';

const GOLDEN_PER_LABEL = 2;
/** Allowed difference of a logit, as for the vibration model. */
const TOLERANCE = 0.15;
const COVERAGE = { inScope: 0.99, sure: 0.9 } as const;
const LATENCY_WINDOWS = 1000;
/** Session, weights and activations, as measured with ten sessions of the vibration model; rounded up. */
const RSS_BYTES = 1_000_000;

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
  const timer = { nowMs, onRun: (milliseconds: number) => void took.push(milliseconds * 1000) };
  const graph = { graph: model.graph.bytes, shape: model.shape };
  const outputs = await runWindows(
    graph,
    windows.map(({ values }) => values),
    timer,
  );
  const microseconds = Math.round(quantile(took.slice(-LATENCY_WINDOWS), 0.5));
  const { groups, confusion, ...figures } = figuresOf(judged, {
    recipe,
    classes: recordings.labels.length,
  });
  const manifest = manifestOf(making, { figures, microseconds });
  const { digest, bytes } = await writeBundle(directory, {
    manifest,
    files: filesOf(making, outputs),
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

function filesOf(
  { windows, recordings, model }: SensorMaking,
  outputs: readonly WindowOutputs[],
): Map<FileRole, Uint8Array> {
  const width = penultimateWidth(model.shape);
  const features = windows.map(({ label }, at) => ({
    label,
    penultimate: outputs[at]?.penultimate ?? new Float32Array(width),
  }));
  const classes = recordings.labels.length;
  const chosen = recordings.labels.flatMap((_, label) =>
    windows.flatMap((window, at) => (window.label === label ? [at] : [])).slice(0, GOLDEN_PER_LABEL),
  );
  const cases = chosen.map((at) => ({
    window: encodeWindow(windows[at]?.values ?? new Float32Array()),
    logits: Array.from(outputs[at]?.logits ?? []),
  }));
  return new Map<FileRole, Uint8Array>([
    ['infer.int8', model.graph.bytes],
    ['train-step', headTrainingGraph(width)],
    ['prototypes', encodePrototypes(prototypesOf(features, { classes, width }))],
    ['golden', encodeGolden({ task: 'sensor-event', cases })],
  ]);
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
  const scored = inScope.map((logits) => scoreLogits(logits, { ...scoring, labels }));
  const width = penultimateWidth(model.shape);
  return {
    format: 1,
    line: bundle.line,
    version: bundle.version,
    releaseCounter: bundle.releaseCounter,
    task: 'sensor-event',
    needs: { runtimeVersion: 1, rssBytes: RSS_BYTES },
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
    trainable: [
      { name: 'head.weight', shape: [width, labels.length] },
      { name: 'head.bias', shape: [labels.length] },
    ],
    quantization: model.graph.quantization,
    golden: { tolerance: TOLERANCE },
    quality: [
      {
        dataset: bundle.dataset,
        split: `cross-validation by ${data.group}, ${recipe.folds} folds`,
        seed,
        accuracy: figures.accuracy,
        macroF1: figures.macroF1,
        expectedCalibrationError: expectedCalibrationError(
          scored.map(({ confidence }) => confidence),
          scored.map(({ labelIndex }, at) => labelIndex === gold[at]),
        ),
      },
    ],
    cost: { microseconds, rssBytes: RSS_BYTES },
    license: bundle.license,
    attribution: bundle.attribution,
    parent: null,
  };
}
