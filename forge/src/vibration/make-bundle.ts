// Owns the way from a seed to a vibration bundle: draw machines, train, quantize, calibrate, judge on machines that were
// never used before, write. The same seed gives the same weights on the same machine; only the measured time differs.
import type { ManifestDraft } from '@nanofleet/protocol';
import { calibrate } from '@nanofleet/runtime';
import { medianMicroseconds, SENSOR_RSS_BYTES } from '../bundle/session-cost.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { answered, GOLDEN_TOLERANCE, sensorFiles } from '../sensor/bundle-files.ts';
import {
  activationScales,
  type SensorGraph,
  sensorGraph,
  type TrainedSensor,
} from '../sensor/inference-graph.ts';
import { penultimateWidth } from '../sensor/network.ts';
import {
  type EpochReport,
  runFloat,
  type SensorTrainingSettings,
  type TrainingWindow,
  trainSensor,
} from '../sensor/train.ts';
import { type RunTimer, runWindows, type WindowOutputs } from '../sensor/window-session.ts';
import { trainableHead } from '../train/head-step.ts';
import { vibrationCard } from './card.ts';
import { type DisturbanceKind, drawDisturbances, KNOWN_KINDS, UNSEEN_KINDS } from './disturbances.ts';
import type { VibrationFigures, VibrationScale } from './figures.ts';
import { confusion, macroF1ByMachine, qualityOf } from './judge.ts';
import { anyMounting } from './mounting.ts';
import { drawWindows, LABELS, type MachineWindow, SENSOR, SHAPE } from './windows.ts';

/** Numbers of machines; the sets share none. */
const SETS = { training: 0, validation: 1000, test: 2000 } as const;
/** Added to the seed, so that disturbances of one purpose are no copies of another's. */
const DISTURBANCE_SEEDS = { training: 0, tuning: 1, judging: 2 } as const;
/** From here on a condition counts as sure. */
const SURE = 0.8;

const TRAINING: Omit<SensorTrainingSettings, 'epochs'> = {
  batchSize: 64,
  learningRate: 3e-3,
  weightDecay: 1e-3,
  labelSmoothing: 0.05,
  dropout: 0,
  balance: 0,
};

/** The scale of the committed bundle. */
export const FULL_SCALE: VibrationScale = {
  machines: { training: 48, validation: 16, test: 24 },
  disturbances: { training: 20, tuning: 8, judging: 12 },
  epochs: 10,
};

/** What to make, and where. `nowMs` is a monotonic clock with fractions. */
export interface VibrationOrder {
  readonly directory: string;
  readonly seed: number;
  readonly scale: VibrationScale;
  readonly nowMs: () => number;
  onEpoch(report: EpochReport): void;
}

/** Trains and writes a vibration bundle. */
export async function makeVibrationBundle(order: VibrationOrder): Promise<VibrationFigures> {
  const { seed, scale } = order;
  const draw = (set: keyof typeof SETS): MachineWindow[] =>
    drawWindows({ seed, first: SETS[set], machines: scale.machines[set] });
  const [labelled, validation] = [draw('training'), draw('validation')];
  const training = [...labelled, ...disturbed(seed, scale)];
  const { epochs } = scale;
  const run = { shape: SHAPE, training, validation, epochs, augment: anyMounting };
  const parameters = await trainSensor({ ...TRAINING, ...order, ...run });
  const trained = { shape: SHAPE, parameters };
  const every = Math.max(1, Math.floor(labelled.length / 500));
  const ranges = await activationScales(
    trained,
    labelled.filter((_, at) => at % every === 0),
  );
  const graph = sensorGraph(trained, ranges);
  const scoring = await calibrated(graph, { validation, ...order });
  const judged = await judge(graph, { test: draw('test'), trained, scoring, ...order });
  const learned = await runInt8(
    graph.bytes,
    labelled.map((window) => window.values),
  );
  const files = sensorFiles({
    graph: graph.bytes,
    shape: SHAPE,
    learned: answered(labelled, learned),
    golden: answered(judged.test, judged.outputs),
  });
  const manifest = manifestOf(graph, {
    scoring,
    quality: judged.quality,
    microseconds: judged.figures.microseconds,
  });
  const card = (facts: { digest: string; bytes: number }): string =>
    vibrationCard({ ...judged.figures, ...facts, manifest, scale, seed, windows: labelled.length });
  return { ...judged.figures, ...(await writeBundle(order.directory, { manifest, files, card })) };
}

function disturbed(seed: number, scale: VibrationScale): TrainingWindow[] {
  const runs = { kinds: KNOWN_KINDS, runsOfEach: scale.disturbances.training };
  const windows = drawDisturbances({ seed: seed + DISTURBANCE_SEEDS.training, ...runs });
  return windows.map((values) => ({ values, label: null }));
}

type Scoring = Pick<ManifestDraft, 'calibration' | 'thresholds'>;

async function calibrated(
  graph: SensorGraph,
  {
    validation,
    seed,
    scale,
  }: Pick<VibrationOrder, 'seed' | 'scale'> & { readonly validation: readonly MachineWindow[] },
): Promise<Scoring> {
  const tuning = drawDisturbances({
    seed: seed + DISTURBANCE_SEEDS.tuning,
    kinds: KNOWN_KINDS,
    runsOfEach: scale.disturbances.tuning,
  });
  const inScope = logitsOf(
    await runInt8(
      graph.bytes,
      validation.map((window) => window.values),
    ),
  );
  const outOfScope = logitsOf(await runInt8(graph.bytes, tuning));
  const gold = Int32Array.from(validation, (window) => window.label);
  const { calibration, thresholds } = calibrate({ inScope, gold, outOfScope }, LABELS, {
    inScope: 0.999,
    sure: 0.99,
  });
  // Events have thresholds of their own; a verdict only needs a level that an operator understands.
  return { calibration, thresholds: { ...thresholds, confidence: LABELS.map(() => SURE) } };
}

const runInt8 = (
  graph: Uint8Array,
  windows: readonly Float32Array[],
  timer?: RunTimer,
): Promise<WindowOutputs[]> => runWindows({ graph, shape: SHAPE }, windows, timer);

const logitsOf = (outputs: readonly WindowOutputs[]): Float32Array[] => outputs.map(({ logits }) => logits);

interface Judged {
  readonly test: readonly MachineWindow[];
  readonly outputs: readonly WindowOutputs[];
  readonly quality: ManifestDraft['quality'][number];
  readonly figures: Omit<VibrationFigures, 'digest' | 'bytes'>;
}

async function judge(
  graph: SensorGraph,
  options: {
    readonly test: readonly MachineWindow[];
    readonly trained: TrainedSensor;
    readonly scoring: Scoring;
    readonly seed: number;
    readonly scale: VibrationScale;
    readonly nowMs: () => number;
  },
): Promise<Judged> {
  const { test, trained, scoring, seed, scale, nowMs } = options;
  const took: number[] = [];
  const outputs = await runInt8(
    graph.bytes,
    test.map((window) => window.values),
    {
      nowMs,
      onRun: (milliseconds) => took.push(milliseconds),
    },
  );
  const rows = logitsOf(outputs);
  const qualityWith = async (kinds: readonly DisturbanceKind[]) => {
    const runs = { seed: seed + DISTURBANCE_SEEDS.judging, kinds, runsOfEach: scale.disturbances.judging };
    const disturbances = logitsOf(await runInt8(graph.bytes, drawDisturbances(runs)));
    return qualityOf({ rows, windows: test, disturbances, scoring, seed });
  };
  const quality = await qualityWith(KNOWN_KINDS);
  const unseen: [string, number][] = [];
  for (const kind of UNSEEN_KINDS) unseen.push([kind, (await qualityWith([kind])).auroc ?? 0]);
  const { mean, worst } = macroF1ByMachine(rows, test);
  const float = macroF1ByMachine(
    await runFloat(trained.parameters, { ...trained, windows: test, output: 'logits' }),
    test,
  );
  return {
    test,
    outputs,
    quality,
    figures: {
      macroF1Float32: float.mean,
      macroF1: mean,
      macroF1WorstMachine: worst,
      auroc: quality.auroc ?? 0,
      aurocUnseen: Object.fromEntries(unseen),
      confusion: confusion(rows, test),
      microseconds: medianMicroseconds(took),
    },
  };
}

type SensorDraft = Extract<ManifestDraft, { task: 'sensor-event' }>;

function manifestOf(
  graph: SensorGraph,
  {
    scoring,
    quality,
    microseconds,
  }: {
    readonly scoring: Scoring;
    readonly quality: ManifestDraft['quality'][number];
    readonly microseconds: number;
  },
): Omit<SensorDraft, 'files' | 'cost'> & { cost: { microseconds: number; rssBytes: number } } {
  return {
    format: 1,
    line: 'vibration',
    version: '1.0.0',
    releaseCounter: 1,
    task: 'sensor-event',
    needs: { runtimeVersion: 1, rssBytes: SENSOR_RSS_BYTES },
    inputs: [
      {
        name: 'window',
        shape: [1, SENSOR.channels.length, SENSOR.windowSamples],
        type: 'float32',
        unit: 'g',
        rateHz: SENSOR.rateHz,
      },
    ],
    labels: { version: 1, names: [...LABELS] },
    sensor: SENSOR,
    ...scoring,
    trainable: trainableHead({ hidden: penultimateWidth(SHAPE), classes: LABELS.length }),
    quantization: graph.quantization,
    golden: { tolerance: GOLDEN_TOLERANCE },
    quality: [quality],
    cost: { microseconds, rssBytes: SENSOR_RSS_BYTES },
    license: 'Apache-2.0',
    attribution: [
      'Trained only on vibration simulated by this project (forge/src/vibration); no recorded data.',
    ],
    parent: null,
  };
}
