// Owns the figures of the vibration model on windows of machines that it was not trained on. It never trains.

import type { ManifestDraft } from '@nanofleet/protocol';
import {
  accuracy,
  argMax,
  auroc,
  expectedCalibrationError,
  fpr95,
  macroF1,
  scoreLogits,
} from '@nanofleet/runtime';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { SINGLE_THREAD } from '../train/training-session.ts';
import { LABELS, type LabelledWindow, SENSOR } from './windows.ts';

/** Outputs of the device's graph for one window. */
export interface WindowOutputs {
  readonly logits: Float32Array;
  readonly penultimate: Float32Array;
}

/** Measures each run; `nowMs` is a monotonic clock with fractions. */
export interface RunTimer {
  readonly nowMs: () => number;
  onRun(milliseconds: number): void;
}

/** Runs the device's graph over windows, one by one as a device does. */
export async function runInt8(
  graph: Uint8Array,
  windows: readonly Float32Array[],
  timer?: RunTimer,
): Promise<WindowOutputs[]> {
  const session = await InferenceSession.create(graph, SINGLE_THREAD);
  const outputs: WindowOutputs[] = [];
  for (const values of windows) {
    const window = new Tensor('float32', values, [1, SENSOR.channels.length, SENSOR.windowSamples]);
    const start = timer?.nowMs() ?? 0;
    const { logits, penultimate } = await session.run({ window });
    timer?.onRun(timer.nowMs() - start);
    outputs.push({ logits: copied(logits), penultimate: copied(penultimate) });
  }
  await session.release();
  return outputs;
}

const copied = (tensor: Tensor | undefined): Float32Array => Float32Array.from(tensor?.data as Float32Array);

/** Mean over the machines of each machine's macro-F1: no large or easy machine hides a bad one. Also the worst. */
export function macroF1ByMachine(
  rows: readonly Float32Array[],
  windows: readonly LabelledWindow[],
): { mean: number; worst: number } {
  const machines = [...new Set(windows.map((window) => window.machine))];
  const scores = machines.map((machine) => {
    const own = windows
      .map((window, at) => ({ window, at }))
      .filter(({ window }) => window.machine === machine);
    const predicted = own.map(({ at }) => argMax(rows[at] ?? []));
    return macroF1(
      predicted,
      own.map(({ window }) => window.label),
      LABELS.length,
    );
  });
  return { mean: scores.reduce((sum, score) => sum + score, 0) / scores.length, worst: Math.min(...scores) };
}

/** The rows of a confusion table: true label, then how often each label was answered. */
export function confusion(rows: readonly Float32Array[], windows: readonly LabelledWindow[]): number[][] {
  const table = LABELS.map(() => LABELS.map(() => 0));
  windows.forEach(({ label }, at) => {
    const row = table[label];
    const answered = argMax(rows[at] ?? []);
    if (row) row[answered] = (row[answered] ?? 0) + 1;
  });
  return table;
}

/** The entry of the manifest's quality list. */
export function qualityOf(options: {
  readonly rows: readonly Float32Array[];
  readonly windows: readonly LabelledWindow[];
  readonly disturbances: readonly Float32Array[];
  readonly scoring: Pick<ManifestDraft, 'calibration' | 'thresholds'>;
  readonly seed: number;
}): ManifestDraft['quality'][number] {
  const { rows, windows, disturbances, scoring, seed } = options;
  const score = (logits: Float32Array) => scoreLogits(logits, { ...scoring, labels: LABELS });
  const scored = rows.map(score);
  const groups = {
    inScope: scored.map((one) => one.outOfScope),
    outOfScope: disturbances.map((logits) => score(logits).outOfScope),
  };
  const gold = windows.map((window) => window.label);
  return {
    dataset: 'simulated pumps (forge/src/vibration)',
    split: 'held-out machines',
    seed,
    accuracy: accuracy(
      scored.map((one) => one.labelIndex),
      gold,
    ),
    macroF1: macroF1ByMachine(rows, windows).mean,
    auroc: auroc(groups),
    fpr95: fpr95(groups),
    expectedCalibrationError: expectedCalibrationError(
      scored.map((one) => one.confidence),
      scored.map((one, at) => one.labelIndex === gold[at]),
    ),
  };
}
