// Owns the labelled windows that the vibration model is trained and judged on: many machines, each in every condition,
// cut like the device cuts its stream. Sets differ by machine, never by moment: a window's neighbour is no test of it.

import type { SensorParameters } from '@nanofleet/protocol';
import { WindowCutter } from '@nanofleet/runtime';
import { SeededRandom } from '../seeded-random.ts';
import { convolutionsOf, type SensorShape } from '../sensor/network.ts';
import type { LabelledWindow } from '../sensor/train.ts';
import { drawMachine, type Machine } from './machine.ts';
import { CHANNELS, type Condition, PumpSimulator, RATE_HZ, SOUND, simulate } from './simulator.ts';

/** What the model tells apart, in the order of its outputs. */
export const LABELS = ['normal', 'bearing-fault', 'imbalance', 'standstill'] as const;
/** One of the labels. */
export type Label = (typeof LABELS)[number];

/** How a stream is cut and when events start and stop. */
export const SENSOR: SensorParameters = {
  channels: [...CHANNELS],
  windowSamples: 512,
  hopSamples: 256,
  rateHz: RATE_HZ,
  debounceWindows: 3,
  events: [
    { label: 'bearing-fault', start: 0.8, stop: 0.4 },
    { label: 'imbalance', start: 0.8, stop: 0.4 },
  ],
};

/** The network. 16 taps at 800 Hz see 20 ms; all three see 140 ms, three and a half revolutions. */
export const SHAPE: SensorShape = {
  channels: CHANNELS.length,
  windowSamples: SENSOR.windowSamples,
  units: CHANNELS.map(() => 0.25),
  // Gravity, in any mounting.
  removesMean: true,
  convolutions: convolutionsOf(CHANNELS.length, [
    { outputs: 16, taps: 16, stride: 4, padding: 6 },
    { outputs: 24, taps: 9, stride: 2 },
    { outputs: 32, taps: 9, stride: 2 },
  ]),
  classes: LABELS.length,
};

/** A window, in g, with the machine that it comes from. */
export interface MachineWindow extends LabelledWindow {
  readonly machine: number;
}

/** Windows of each run: 4 s give 11. */
const RUN_SECONDS = 4;
const RUNS: Readonly<Record<Label, number>> = { normal: 8, 'bearing-fault': 5, imbalance: 4, standstill: 2 };
/** Of the normal runs, this many speed up or slow down: a change of speed is no fault. */
const RAMPS = 2;

/** Draws a condition of a label: severities from what is just detectable to what nobody overlooks. */
function drawCondition(label: Label, random: SeededRandom): Condition {
  const logarithmic = (low: number, high: number): number => low * (high / low) ** random.uniform();
  const condition = { ...SOUND, load: random.uniform() };
  switch (label) {
    case 'normal':
      return condition;
    case 'bearing-fault':
      return {
        ...condition,
        bearingDamage: logarithmic(0.1, 1.5),
        race: random.uniform() < 0.5 ? 'outer' : 'inner',
      };
    case 'imbalance':
      return { ...condition, imbalance: logarithmic(0.08, 0.7) };
    case 'standstill':
      return { ...condition, running: 0 };
  }
}

/** All windows of some machines; `first` numbers the machines, so that two sets with disjoint numbers share none. */
export function drawWindows(options: {
  readonly seed: number;
  readonly first: number;
  readonly machines: number;
}): MachineWindow[] {
  return Array.from({ length: options.machines }, (_, at) =>
    windowsOf(options.seed, options.first + at),
  ).flat();
}

/** The machine of a number. */
export const machineOf = (seed: number, number: number): Machine =>
  drawMachine(new SeededRandom(seed, 'machine', number));

function windowsOf(seed: number, number: number): MachineWindow[] {
  const machine = machineOf(seed, number);
  return LABELS.flatMap((label, index) =>
    Array.from({ length: RUNS[label] }, (_, run) => {
      const random = new SeededRandom(seed, 'run', number, label, run);
      const conditionAt = drawProfile(label, { random, isRamp: label === 'normal' && run < RAMPS });
      const simulator = new PumpSimulator(machine, random);
      const values = simulate(simulator, { seconds: RUN_SECONDS, conditionAt });
      return cut(values).map((window) => ({ values: window, label: index, machine: number }));
    }).flat(),
  );
}

type Profile = (second: number) => Condition;

function drawProfile(
  label: Label,
  { random, isRamp }: { readonly random: SeededRandom; readonly isRamp: boolean },
): Profile {
  const condition = drawCondition(label, random);
  if (!isRamp) return () => condition;
  const [from, to] = random.uniform() < 0.5 ? [0.6, 1] : [1, 0.6];
  const seconds = 1 + 2 * random.uniform();
  return (second) => ({ ...condition, running: from + (to - from) * Math.min(1, second / seconds) });
}

/** Windows of interleaved samples, as a device cuts them. */
export function cut(values: Float32Array): Float32Array[] {
  const chunk = { rateHz: RATE_HZ, channels: CHANNELS.length, values };
  return new WindowCutter(SENSOR).push(chunk).map((window) => window.values);
}
