// Owns running a text model over every text that its bundle needs: validation with the time of each, texts of no label,
// prototypes. It never scores an output.
import { type DecidedCounts, type Prototypes, prototypesOf } from '@nanofleet/runtime';
import { decidedCounts, type NumberedText } from './decided-counts.ts';
import { medianMicroseconds } from './session-cost.ts';

interface TextOutput {
  readonly logits: Float32Array;
  readonly penultimate: Float32Array;
}

/** The texts of a bundle. Prototypes are made of the learned ones. */
export interface BundleTexts {
  readonly learned: Iterable<NumberedText>;
  /** Learned ones that a bundle with a bound has offsets from; none for one without. */
  readonly apart: Iterable<NumberedText>;
  readonly validation: readonly string[];
  readonly outOfScopeTuning: readonly string[];
  readonly outOfScopeReport: readonly string[];
}

/** A model whose bundle is made. `nowMs` is a monotonic clock with fractions. */
export interface RunningModel<Output extends TextOutput> {
  readonly compute: (text: string) => Promise<Output>;
  readonly classes: number;
  /** Of the penultimate features. */
  readonly width: number;
  readonly nowMs: () => number;
}

/** What the model says of the texts. */
export interface ComputedTexts<Output extends TextOutput> {
  readonly validation: readonly Output[];
  readonly outOfScopeTuning: readonly Float32Array[];
  readonly outOfScopeReport: readonly Float32Array[];
  readonly prototypes: Prototypes;
  readonly apart: DecidedCounts;
  /** Median of a text of validation. */
  readonly microseconds: number;
}

/** Runs the model over the texts, one by one as a device does. */
export async function computeTexts<Output extends TextOutput>(
  model: RunningModel<Output>,
  { learned, apart, validation, outOfScopeTuning, outOfScopeReport }: BundleTexts,
): Promise<ComputedTexts<Output>> {
  const { classes, width, compute } = model;
  const features: { label: number; penultimate: Float32Array }[] = [];
  for (const { text, label } of learned)
    features.push({ label, penultimate: (await compute(text)).penultimate });
  return {
    ...(await timedOutputs(model, validation)),
    outOfScopeTuning: await logitsOf(outOfScopeTuning, compute),
    outOfScopeReport: await logitsOf(outOfScopeReport, compute),
    prototypes: prototypesOf(features, { classes, width }),
    apart: await decidedCounts(apart, {
      classes,
      logitsOf: async (text) => (await compute(text)).logits,
    }),
  };
}

async function timedOutputs<Output extends TextOutput>(
  { compute, nowMs }: RunningModel<Output>,
  texts: readonly string[],
): Promise<{ validation: Output[]; microseconds: number }> {
  const validation: Output[] = [];
  const took: number[] = [];
  for (const text of texts) {
    const start = nowMs();
    validation.push(await compute(text));
    took.push(nowMs() - start);
  }
  return { validation, microseconds: medianMicroseconds(took) };
}

async function logitsOf(
  texts: readonly string[],
  compute: (text: string) => Promise<TextOutput>,
): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  for (const text of texts) logits.push((await compute(text)).logits);
  return logits;
}
