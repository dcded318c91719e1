// Owns the figures of the vibration model on windows of machines that it was not trained on. It never trains.

import type { ManifestDraft } from '@nanofleet/protocol';
import { argMax, macroF1 } from '@nanofleet/runtime';
import { scoredQuality } from '../bundle/scored-quality.ts';
import { LABELS, type MachineWindow } from './windows.ts';

/** Mean over the machines of each machine's macro-F1: no large or easy machine hides a bad one. Also the worst. */
export function macroF1ByMachine(
  rows: readonly Float32Array[],
  windows: readonly MachineWindow[],
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
export function confusion(rows: readonly Float32Array[], windows: readonly MachineWindow[]): number[][] {
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
  readonly windows: readonly MachineWindow[];
  readonly disturbances: readonly Float32Array[];
  readonly scoring: Pick<ManifestDraft, 'calibration' | 'thresholds'>;
  readonly seed: number;
}): ManifestDraft['quality'][number] {
  const { rows, windows, disturbances, scoring, seed } = options;
  const { accuracy, expectedCalibrationError, ...groups } = scoredQuality(
    { inScope: rows, gold: windows.map((window) => window.label), outOfScope: disturbances },
    { ...scoring, labels: LABELS },
  );
  return {
    dataset: 'simulated pumps (forge/src/vibration)',
    split: 'held-out machines',
    seed,
    accuracy,
    macroF1: macroF1ByMachine(rows, windows).mean,
    ...groups,
    expectedCalibrationError,
  };
}
