// Owns the text of the vibration bundle's card: what the model is, what it was trained on, figures with how they were
// measured, cost and limits. It never computes a figure.
import type { ManifestDraft } from '@nanofleet/protocol';
import { cardFoot, cardHead } from '../bundle/card-frame.ts';
import { document, list, percent as percentOf, table } from '../bundle/markdown.ts';
import { costText, sensorOperations } from '../bundle/operations.ts';
import type { VibrationFigures, VibrationScale } from './figures.ts';
import { RATE_HZ } from './simulator.ts';
import { LABELS, SENSOR, SHAPE } from './windows.ts';

/** Everything that the card shows. */
export interface VibrationCard extends VibrationFigures {
  readonly manifest: Pick<
    ManifestDraft,
    'line' | 'version' | 'releaseCounter' | 'quality' | 'golden' | 'license' | 'attribution'
  > & { readonly cost: { readonly rssBytes: number } };
  readonly scale: VibrationScale;
  readonly seed: number;
  /** Labelled training windows. */
  readonly windows: number;
}

/** The card as Markdown. */
export function vibrationCard(card: VibrationCard): string {
  const { manifest, digest, seed } = card;
  const sections = [
    ...cardHead(manifest, {
      about:
        'Tells what a pump does from a three-axis accelerometer on its housing: it runs well, a bearing is damaged, it is out of balance, it stands still.',
      origin: `forge vibration train --seed ${seed}`,
      digest,
    }),
    '## Model',
    list(modelFacts(card)),
    '## Quality',
    qualityTable(card),
    `Every figure is over windows of ${card.scale.machines.test} simulated machines that were neither trained on nor used to choose an epoch or a threshold. ` +
      'Macro-F1 is computed for each machine and then averaged. Disturbances are signals that no pump makes; the network learned to be unsure of some kinds ' +
      '(handled, knocked), so the figure for kinds that it never saw is the honest one for what comes in practice.',
    confusionTable(card),
    '## Data',
    list(dataFacts(card)),
    ...cardFoot(manifest, [
      'Trained on a simulation only: physically founded (rotation, slip, load, impacts of balls, ring-down, flow noise, any mounting), but a real pump will differ. Judge it on recordings of your own before you rely on it',
      'A loose cover that rattles looks like a damaged bearing; see the figure for "rattling"',
      'Speeds of 22 to 28 revolutions a second, down to 60 % of that while it speeds up or slows down; a pump that turns much slower may be taken for standing still',
      'Damage below an impact of 0.1 g and imbalance below 0.08 g are not told from a sound machine',
    ]),
  ];
  return document(sections);
}

function modelFacts({ bytes, microseconds, manifest }: VibrationCard): string[] {
  const seconds = SENSOR.windowSamples / RATE_HZ;
  return [
    `Input: ${SENSOR.windowSamples} samples (${seconds} s) of three channels in g at ${RATE_HZ} Hz, a new window each ${SENSOR.hopSamples} samples; the mean of each channel is removed inside the graph`,
    'Three strided convolutions (16, 24, 32 channels), mean and maximum over time, linear head',
    'Weights 7 bits with a scale a channel (no overflow on processors without VNNI), activations uint8 with fixed scales, head quantized at run time',
    `${bytes} bytes altogether; ${microseconds} µs a window (median, one thread of the machine that trained it), ${costText(manifest.cost.rssBytes, sensorOperations(SHAPE))}`,
    `An event starts after ${SENSOR.debounceWindows} windows in a row at or above ${SENSOR.events[0]?.start}, and stops after as many below ${SENSOR.events[0]?.stop}`,
    `Golden vectors may differ by ${manifest.golden.tolerance} of a logit`,
  ];
}

function qualityTable(card: VibrationCard): string {
  const [quality] = card.manifest.quality;
  const rows = [
    ['macro-F1 by machine, float32', percent(card.macroF1Float32)],
    ['macro-F1 by machine, int8 (what runs)', percent(card.macroF1)],
    ['macro-F1 of the worst machine', percent(card.macroF1WorstMachine)],
    ['accuracy', percent(quality?.accuracy)],
    ['calibration error (15 bins)', percent(quality?.expectedCalibrationError)],
    ['AUROC against disturbances of known kinds', percent(quality?.auroc)],
    ['of these accepted at 95 % coverage', percent(quality?.fpr95)],
    ...Object.entries(card.aurocUnseen).map(([kind, share]) => [
      `AUROC against "${kind}" (never seen)`,
      percent(share),
    ]),
  ];
  return table([['figure', 'value'], ...rows]);
}

function confusionTable({ confusion }: VibrationCard): string {
  const head = ['truly', ...LABELS.map((label) => `answered ${label}`)];
  const rows = confusion.map((counts, at) => [LABELS[at] ?? '', ...counts.map(String)]);
  return table([head, ...rows]);
}

function dataFacts({ scale, windows, seed }: VibrationCard): string[] {
  const { training, validation, test } = scale.machines;
  return [
    `Simulated by this project from seed ${seed}: ${training} machines to train (${windows} windows), ${validation} to choose epoch and thresholds, ${test} to judge; no machine is in two sets`,
    'Machines differ in speed, slip, blades, bearing geometry, resonance, residual imbalance and misalignment, flow and sensor noise, sensor gain and mounting; runs in load, severity and the damaged race, some speed up or slow down',
    `${2 * scale.disturbances.training} runs of disturbances of known kinds, to be answered with the same probability for each label`,
  ];
}

const percent = (share: number | undefined): string => (share === undefined ? '-' : percentOf(share));
