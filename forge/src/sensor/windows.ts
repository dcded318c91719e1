// Owns cutting recordings into labelled windows, as a device cuts its stream, and dealing them into folds by group: a window's
// neighbour is no test of it. It never changes a value.
import assert from 'node:assert/strict';
import { WindowCutter } from '@nanofleet/runtime';
import type { SensorRecipe } from './recipe.ts';
import type { Recording, Recordings } from './recordings.ts';
import type { LabelledWindow } from './train.ts';

/** A window of a recording. */
export interface RecordedWindow extends LabelledWindow {
  readonly group: string;
  /** Readings that it is the first to show: what it counts in figures. */
  readonly readings: number;
  /** Whether its samples have several labels; its own is then the commonest or the last. */
  readonly isMixed: boolean;
}

/** How recordings are cut. */
export type Cutting = Pick<SensorRecipe, 'window' | 'data'>;

/** All windows of all recordings that show a new reading. */
export function windowsOf(recordings: Recordings, cutting: Cutting): RecordedWindow[] {
  return recordings.recordings.flatMap((recording) => cut(recording, recordings.channels, cutting));
}

function cut(recording: Recording, channels: readonly string[], { window, data }: Cutting): RecordedWindow[] {
  const cutter = new WindowCutter({
    channels: [...channels],
    windowSamples: window.samples,
    hopSamples: window.hop,
    rateHz: data.rateHz,
    debounceWindows: 1,
    events: [],
  });
  const chunk = { rateHz: data.rateHz, channels: channels.length, values: recording.values };
  return cutter.push(chunk).flatMap(({ values, lastSample }) => {
    const [from, to] = [lastSample + 1 - window.samples, lastSample + 1];
    const readings = recording.readings[lastSample] ?? 0;
    if (readings === 0) return [];
    const own = recording.labels.subarray(from, to);
    const isMixed = new Set(own).size > 1;
    const label = window.label === 'last' ? own.at(-1) : mostOf(own);
    return [{ values, label: label ?? 0, group: recording.group, readings, isMixed }];
  });
}

/** The commonest of some labels; of equally common ones the latest. */
function mostOf(labels: Int32Array): number {
  const counts = new Map<number, number>();
  let best = labels[0] ?? 0;
  for (const label of labels) {
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    if (count >= (counts.get(best) ?? 0)) best = label;
  }
  return best;
}

/** The groups of each fold: sorted (numbers by size), dealt in turn. */
export function foldsOf(windows: readonly RecordedWindow[], folds: number): string[][] {
  const groups = [...new Set(windows.map(({ group }) => group))].toSorted((left, right) =>
    left.localeCompare(right, 'en', { numeric: true }),
  );
  assert(groups.length >= 2, 'one group cannot be kept apart from itself');
  const count = Math.min(folds, groups.length);
  return Array.from({ length: count }, (_, fold) => groups.filter((_group, at) => at % count === fold));
}
