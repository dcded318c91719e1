// Owns the files of a bundle for sensor events: graph, training step, prototypes, golden windows. It never runs the graph.
import type { FileRole } from '@nanofleet/protocol';
import { encodeGolden, encodePrototypes, encodeWindow, prototypesOf } from '@nanofleet/runtime';
import { headTrainingGraph } from '../train/head-step.ts';
import { penultimateWidth, type SensorShape } from './network.ts';
import type { LabelledWindow } from './train.ts';
import type { WindowOutputs } from './window-session.ts';

const GOLDEN_PER_LABEL = 2;
/** Allowed difference of a logit: a rounding that falls the other way in one layer on another processor moves it by a few hundredths. */
export const GOLDEN_TOLERANCE = 0.15;

/** A window with what the graph said of it. */
export interface AnsweredWindow extends WindowOutputs, Pick<LabelledWindow, 'values' | 'label'> {}

/** Windows beside their outputs, which are in the same order. */
export const answered = (
  windows: readonly LabelledWindow[],
  outputs: readonly WindowOutputs[],
): AnsweredWindow[] =>
  outputs.flatMap((output, at) => {
    const window = windows[at];
    return window ? [{ ...output, values: window.values, label: window.label }] : [];
  });

/** What files are made of: prototypes of what was learned, golden windows of the first of each label in `golden`. */
export interface SensorFiles {
  readonly graph: Uint8Array;
  readonly shape: SensorShape;
  readonly learned: readonly AnsweredWindow[];
  readonly golden: readonly AnsweredWindow[];
}

/** The files by their roles. */
export function sensorFiles({ graph, shape, learned, golden }: SensorFiles): Map<FileRole, Uint8Array> {
  const { classes } = shape;
  const width = penultimateWidth(shape);
  return new Map<FileRole, Uint8Array>([
    ['infer.int8', graph],
    ['train-step', headTrainingGraph(width)],
    ['prototypes', encodePrototypes(prototypesOf(learned, { classes, width }))],
    ['golden', encodeGolden({ task: 'sensor-event', cases: goldenCases(golden, classes) })],
  ]);
}

function goldenCases(windows: readonly AnsweredWindow[], classes: number) {
  const chosen = Array.from({ length: classes }, (_, label) =>
    windows.filter((window) => window.label === label).slice(0, GOLDEN_PER_LABEL),
  ).flat();
  return chosen.map(({ values, logits }) => ({ window: encodeWindow(values), logits: Array.from(logits) }));
}
