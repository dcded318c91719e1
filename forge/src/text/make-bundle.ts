// Owns making a text bundle of trained towers: quantized graph, calibration, prototypes, golden vectors, quality, card.
// It never trains and never signs.
import { type ManifestDraft, NanofleetError, TWO_HASHES_RUNTIME_VERSION } from '@nanofleet/protocol';
import {
  accuracy,
  auroc,
  calibrate,
  calibrateForBound,
  decided,
  encodeGolden,
  encodePrototypes,
  expectedCalibrationError,
  fpr95,
  prototypesOf,
  scoreLogits,
  shortfallOf,
  TextFeatures,
} from '@nanofleet/runtime';
import { textCard } from '../bundle/card.ts';
import { parentDigest } from '../bundle/parent-digest.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import type { ModelFiles } from '../compress/compressed-model.ts';
import { MATRIX_WEIGHT_BITS } from '../onnx/quantized-linear.ts';
import { headTrainingGraph } from '../train/head-step.ts';
import { HEAD, type InferenceGraph, inferenceGraph } from './inference-graph.ts';
import { type TextOutput, withInference } from './inference-session.ts';
import type { Recipe } from './recipe.ts';
import type { RecipeTexts } from './recipe-texts.ts';
import type { Tower } from './tower.ts';
import { accuracyOf, towerLogits } from './tower-evaluation.ts';

const GOLDEN_CASES = 16;
/**
 * Another processor may sum in another order and so round an activation code differently. Summing the rows in reverse
 * moved a logit by at most 0.012 over 3000 texts (logits reach 9); ten times that is still far below a wrong kernel.
 */
const GOLDEN_TOLERANCE = 0.15;
const LATENCY_TEXTS = 1000;

/** What a bundle is made of. `nowMs` is a monotonic clock with fractions, for the stated latency. */
export interface BundleMaking {
  readonly recipe: Recipe;
  readonly recipeDirectory: string;
  readonly seed: number;
  readonly texts: RecipeTexts;
  readonly towers: readonly Tower[];
  /** Of compression, whose codes then are the bundle's; without it the towers are quantized as every graph is. */
  readonly files?: ModelFiles;
  readonly directory: string;
  readonly nowMs: () => number;
}

/** What was made, as commands print it. Shares are 0..1, latency is features and graph for one text. */
export interface MadeBundle {
  readonly directory: string;
  readonly digest: string;
  readonly bytes: number;
  readonly accuracyFloat32: number;
  readonly accuracyInt8: number;
  readonly auroc: number | null;
  readonly fpr95: number | null;
  readonly expectedCalibrationError: number;
  readonly microseconds: number;
}

/** Makes the bundle. @throws NanofleetError TRAINING_SET_INVALID if the recipe has no `bundle` section */
export async function makeTextBundle(making: BundleMaking): Promise<MadeBundle> {
  const { recipe, texts } = making;
  if (!recipe.bundle)
    throw new NanofleetError(
      'TRAINING_SET_INVALID',
      `recipe ${recipe.name} has no section "bundle", so there is no bundle to make`,
    );
  const graph = making.files?.graph ?? inferenceGraph(making.towers);
  const wire = hasFewBits(graph) ? making.files?.wire : undefined;
  const computed = await withInference(graph, async (compute) => await computeAll(compute, making));
  const { calibration, thresholds } = calibrated(making, { computed, bundle: recipe.bundle });
  const quality = qualityOf({ making, computed, scoring: { calibration, thresholds, labels: texts.labels } });
  const accuracyFloat32 = await float32Accuracy(making.towers, texts);
  const manifest = {
    ...manifestOf({ making, graph, computed, bundle: recipe.bundle }),
    calibration,
    thresholds,
    quality: [{ dataset: recipe.bundle.dataset, split: 'validation', seed: making.seed, ...quality }],
    parent: await parentDigest(recipe.bundle.parent, making.recipeDirectory),
  };
  const written = await writeBundle(making.directory, {
    manifest,
    files: new Map([
      ['infer.int8', graph.bytes],
      ['train-step', headTrainingGraph(graph.hidden)],
      ['prototypes', encodePrototypes(computed.prototypes)],
      ['golden', encodeGolden({ task: 'text-intent', cases: computed.golden })],
    ]),
    ...(wire === undefined ? {} : { wire }),
    card: (facts) =>
      textCard({
        recipe,
        manifest,
        ...facts,
        wireBytes: wire?.length,
        accuracyFloat32,
        counts: countsOf(texts),
        towers: making.towers,
      }),
  });
  return {
    directory: making.directory,
    ...written,
    accuracyFloat32,
    accuracyInt8: quality.accuracy,
    auroc: quality.auroc ?? null,
    fpr95: quality.fpr95 ?? null,
    expectedCalibrationError: quality.expectedCalibrationError,
    microseconds: computed.microseconds,
  };
}

/** Whether packing pays: with the bits that every graph has, it saves 3 %. */
const hasFewBits = ({ quantization }: InferenceGraph): boolean =>
  quantization.some(({ bits }) => bits < MATRIX_WEIGHT_BITS);

type Bundle = NonNullable<Recipe['bundle']>;

// A bundle that cannot keep what its recipe promises is not made: other thresholds would pretend.
function calibrated(
  { recipe, texts }: BundleMaking,
  { computed, bundle }: { readonly computed: Computed; readonly bundle: Bundle },
): Pick<ManifestDraft, 'calibration' | 'thresholds'> {
  const { coverage, bound } = bundle;
  const { labels: gold } = texts.validation;
  const held = { inScope: computed.validation, gold, outOfScope: computed.outOfScopeTuning };
  if (bound === undefined) return calibrate(held, texts.labels, coverage);
  const { calibration, thresholds, certified } = calibrateForBound(held, texts.labels, { coverage, bound });
  if (certified.certified) return { calibration, thresholds };
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `recipe ${recipe.name} states a bound that its texts do not show: ${shortfallOf(bound, certified)} State a wider one or give more texts.`,
  );
}

interface Computed {
  readonly validation: Float32Array[];
  readonly outOfScopeTuning: Float32Array[];
  readonly outOfScopeReport: Float32Array[];
  readonly prototypes: ReturnType<typeof prototypesOf>;
  readonly golden: { text: string; logits: number[] }[];
  readonly microseconds: number;
}

type Compute = (text: string) => Promise<TextOutput>;

async function computeAll(compute: Compute, { texts, nowMs }: BundleMaking): Promise<Computed> {
  const logitsOf = async (all: readonly string[]): Promise<Float32Array[]> => {
    const logits: Float32Array[] = [];
    for (const text of all) logits.push((await compute(text)).logits);
    return logits;
  };
  const features: { label: number; penultimate: Float32Array }[] = [];
  for (const [index, text] of texts.training.texts.entries()) {
    features.push({
      label: texts.training.labels[index] ?? 0,
      penultimate: (await compute(text)).penultimate,
    });
  }
  const width = features[0]?.penultimate.length ?? 0;
  const validation = await logitsOf(texts.validation.texts);
  return {
    validation,
    outOfScopeTuning: await logitsOf(texts.outOfScopeTuning),
    outOfScopeReport: await logitsOf(texts.outOfScopeReport),
    prototypes: prototypesOf(features, { classes: texts.labels.length, width }),
    golden: goldenCases(texts, validation),
    microseconds: await medianMicroseconds(compute, {
      texts: texts.validation.texts.slice(0, LATENCY_TEXTS),
      nowMs,
    }),
  };
}

// Spread over validation, which is sorted by label, with three decimals: far below the tolerance and half the bytes.
function goldenCases(
  { validation }: RecipeTexts,
  logits: readonly Float32Array[],
): { text: string; logits: number[] }[] {
  const stride = Math.max(1, Math.floor(validation.texts.length / GOLDEN_CASES));
  return validation.texts.flatMap((text, index) => {
    if (index % stride !== 0 || index / stride >= GOLDEN_CASES) return [];
    return [{ text, logits: Array.from(logits[index] ?? [], (logit) => Math.round(logit * 1000) / 1000) }];
  });
}

async function medianMicroseconds(
  compute: Compute,
  { texts, nowMs }: { readonly texts: readonly string[]; readonly nowMs: () => number },
): Promise<number> {
  const took: number[] = [];
  for (const text of texts) {
    const start = nowMs();
    await compute(text);
    took.push((nowMs() - start) * 1000);
  }
  return Math.round(took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)] ?? 0);
}

interface QualityInput {
  readonly making: BundleMaking;
  readonly computed: Computed;
  readonly scoring: Parameters<typeof scoreLogits>[1];
}

function qualityOf({ making, computed, scoring }: QualityInput): {
  accuracy: number;
  expectedCalibrationError: number;
  auroc?: number;
  fpr95?: number;
} {
  const { labels } = making.texts.validation;
  const scored = computed.validation.map((logits) => scoreLogits(logits, scoring));
  const right = scored.map(({ labelIndex }, index) => labelIndex === labels[index]);
  const inScope = scored.map(({ outOfScope }) => outOfScope);
  const outOfScope = computed.outOfScopeReport.map((logits) => scoreLogits(logits, scoring).outOfScope);
  return {
    accuracy: accuracy(decided(computed.validation), labels),
    expectedCalibrationError: expectedCalibrationError(
      scored.map(({ confidence }) => confidence),
      right,
    ),
    ...(outOfScope.length === 0
      ? {}
      : { auroc: auroc({ inScope, outOfScope }), fpr95: fpr95({ inScope, outOfScope }) }),
  };
}

async function float32Accuracy(towers: readonly Tower[], { validation }: RecipeTexts): Promise<number> {
  let sum: Float32Array | undefined;
  for (const tower of towers) {
    const features = new TextFeatures(tower.shape.features);
    const logits = await towerLogits(
      tower,
      validation.texts.map((text) => features.of(text).rows),
    );
    sum = sum ? sum.map((logit, at) => logit + (logits[at] ?? 0)) : logits;
  }
  return accuracyOf(sum ?? new Float32Array(), validation.labels);
}

interface ManifestInput {
  readonly making: BundleMaking;
  readonly graph: InferenceGraph;
  readonly computed: Computed;
  readonly bundle: Bundle;
}

/** Session memory: the weights once in the file's form, once packed by the runtime, and room for the arena. */
const RSS_FACTOR = 2.5;
const RSS_BASE_BYTES = 1 << 20;

type TextDraft = Extract<ManifestDraft, { task: 'text-intent' }>;
type LaterFields = 'files' | 'cost' | 'calibration' | 'thresholds' | 'quality' | 'parent';
type PartialDraft = Omit<TextDraft, LaterFields> & { cost: Omit<TextDraft['cost'], 'bytes'> };

function manifestOf({ making, graph, computed, bundle }: ManifestInput): PartialDraft {
  const rssBytes = Math.round(graph.bytes.length * RSS_FACTOR) + RSS_BASE_BYTES;
  return {
    format: 1,
    task: 'text-intent',
    line: bundle.line,
    version: bundle.version,
    releaseCounter: bundle.releaseCounter,
    needs: { runtimeVersion: graph.features.hashes === 2 ? TWO_HASHES_RUNTIME_VERSION : 1, rssBytes },
    inputs: [{ name: 'rows', shape: [null], type: 'int32', unit: 'feature row' }],
    labels: { version: 1, names: making.texts.labels },
    text: graph.features,
    trainable: [
      { name: HEAD.weight, shape: [graph.hidden, graph.classes] },
      { name: HEAD.bias, shape: [graph.classes] },
    ],
    quantization: graph.quantization,
    golden: { tolerance: GOLDEN_TOLERANCE },
    cost: { microseconds: computed.microseconds, rssBytes },
    license: bundle.license,
    attribution: bundle.attribution,
  };
}

function countsOf({
  training,
  grammars,
  outOfScope,
  validation,
  unlabelled,
  outOfScopeTuning,
  outOfScopeReport,
}: RecipeTexts): Record<string, number> {
  return {
    training: training.texts.length,
    grammars: grammars.texts.length,
    outOfScope: outOfScope.length,
    validation: validation.texts.length,
    unlabelled: unlabelled.length,
    outOfScopeTuning: outOfScopeTuning.length,
    outOfScopeReport: outOfScopeReport.length,
  };
}
