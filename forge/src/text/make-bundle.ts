// Owns making a text bundle of trained towers: quantized graph, calibration, prototypes, golden vectors, quality, card.
// It never trains and never signs.
import { type ManifestDraft, NanofleetError, TWO_HASHES_RUNTIME_VERSION } from '@nanofleet/protocol';
import { encodeGolden, encodePrototypes, TextFeatures } from '@nanofleet/runtime';
import { textCard } from '../bundle/card.ts';
import { goldenIndices, goldenNumber } from '../bundle/golden-texts.ts';
import { parentDigest } from '../bundle/parent-digest.ts';
import { recipeThresholds } from '../bundle/recipe-thresholds.ts';
import { scoredQuality } from '../bundle/scored-quality.ts';
import { textRssBytes } from '../bundle/session-cost.ts';
import { type ComputedTexts, computeTexts } from '../bundle/text-outputs.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import type { ModelFiles } from '../compress/compressed-model.ts';
import { MATRIX_WEIGHT_BITS } from '../onnx/quantized-linear.ts';
import { headTrainingGraph, trainableHead } from '../train/head-step.ts';
import { type InferenceGraph, inferenceGraph } from './inference-graph.ts';
import { type TextOutput, withInference } from './inference-session.ts';
import type { Recipe } from './recipe.ts';
import { labelled, learnedTexts, type RecipeTexts } from './recipe-texts.ts';
import type { Tower } from './tower.ts';
import { accuracyOf, towerLogits } from './tower-evaluation.ts';

/**
 * Another processor may sum in another order and so round an activation code differently. Summing the rows in reverse
 * moved a logit by at most 0.012 over 3000 texts (logits reach 9); ten times that is still far below a wrong kernel.
 */
const GOLDEN_TOLERANCE = 0.15;

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
  const wire = travelsPacked(graph) ? making.files?.wire : undefined;
  const model = { classes: graph.classes, width: graph.hidden, nowMs: making.nowMs };
  const computed = await withInference(graph, (compute) =>
    computeTexts(
      { ...model, compute },
      {
        ...texts,
        learned: labelled(texts.training),
        apart: recipe.bundle?.bound === undefined ? [] : learnedTexts(texts),
        validation: texts.validation.texts,
      },
    ),
  );
  const { calibration, thresholds } = calibrated(making, { computed, bundle: recipe.bundle });
  const quality = scoredQuality(
    { inScope: logitsOf(computed), gold: texts.validation.labels, outOfScope: computed.outOfScopeReport },
    { calibration, thresholds, labels: texts.labels },
  );
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
      ['golden', encodeGolden({ task: 'text-intent', cases: goldenCases(texts.validation, computed) })],
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
const travelsPacked = ({ quantization }: InferenceGraph): boolean =>
  quantization.some(({ bits, codebook }) => bits < MATRIX_WEIGHT_BITS || codebook !== undefined);

type Bundle = NonNullable<Recipe['bundle']>;

function calibrated(
  { recipe: { name }, texts }: BundleMaking,
  { computed, bundle }: { readonly computed: Computed; readonly bundle: Bundle },
): Pick<ManifestDraft, 'calibration' | 'thresholds'> {
  const { labels: gold } = texts.validation;
  const held = { inScope: logitsOf(computed), gold, outOfScope: computed.outOfScopeTuning };
  return recipeThresholds(held, texts.labels, { name, ...bundle, apart: computed.apart });
}

type Computed = ComputedTexts<TextOutput>;

const logitsOf = ({ validation }: Computed): Float32Array[] => validation.map(({ logits }) => logits);

function goldenCases({ texts }: RecipeTexts['validation'], { validation }: Computed) {
  return goldenIndices(texts.length).map((index) => ({
    text: texts[index] ?? '',
    logits: Array.from(validation[index]?.logits ?? [], goldenNumber),
  }));
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

type TextDraft = Extract<ManifestDraft, { task: 'text-intent' }>;
type LaterFields = 'files' | 'cost' | 'calibration' | 'thresholds' | 'quality' | 'parent';
type PartialDraft = Omit<TextDraft, LaterFields> & { cost: Omit<TextDraft['cost'], 'bytes'> };

function manifestOf({ making, graph, computed, bundle }: ManifestInput): PartialDraft {
  const rssBytes = textRssBytes(graph.bytes.length);
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
    trainable: trainableHead(graph),
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
