// Owns making a text bundle of a trained tagger: quantized graph, calibration, prototypes, golden vectors with tags, quality,
// card. It never trains and never signs.
import { ENTITIES_RUNTIME_VERSION, type ManifestDraft } from '@nanofleet/protocol';
import {
  accuracy,
  auroc,
  calibrate,
  decided,
  encodeGolden,
  encodePrototypes,
  expectedCalibrationError,
  fpr95,
  goldenTags,
  prototypesOf,
  type ScoreGroups,
  scoreLogits,
  tagCount,
  transitionBytes,
  transitionsOf,
} from '@nanofleet/runtime';
import { parentDigest } from '../bundle/parent-digest.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { headTrainingGraph } from '../train/head-step.ts';
import type { LearnedText } from './annotated-texts.ts';
import { entityCard } from './card.ts';
import { countTransitions } from './count-transitions.ts';
import type { EntityRecipe } from './recipe.ts';
import type { EntityRecipeData } from './recipe-texts.ts';
import type { Tagger } from './tagger.ts';
import { type TaggerOutput, taggerOutputs, taggerScore } from './tagger-evaluation.ts';
import { type TaggerInferenceGraph, taggerInferenceGraph } from './tagger-inference-graph.ts';
import { TaggerModel } from './tagger-model.ts';

const GOLDEN_CASES = 16;
/**
 * Another processor may sum in another order and so round an activation code differently; see the text bundles without
 * entities. Tags pass more quantized layers than intents, their scores reach twice as far.
 */
const GOLDEN_TOLERANCE = 0.3;

/** What a bundle is made of. `nowMs` is a monotonic clock with fractions, for the stated latency. */
export interface EntityBundleMaking {
  readonly recipe: EntityRecipe;
  readonly recipeDirectory: string;
  readonly seed: number;
  readonly data: EntityRecipeData;
  readonly tagger: Tagger;
  readonly directory: string;
  readonly nowMs: () => number;
}

/** What was made, as commands print it. Shares are 0..1; latency is features and graph for one text. */
export interface MadeEntityBundle {
  readonly directory: string;
  readonly digest: string;
  readonly bytes: number;
  readonly intentsFloat32: number;
  readonly intentsInt8: number;
  readonly spanF1Float32: number;
  readonly spanF1Int8: number;
  readonly sentencesInt8: number;
  readonly auroc: number | null;
  readonly microseconds: number;
}

/** Makes the bundle. */
export async function makeEntityBundle(making: EntityBundleMaking): Promise<MadeEntityBundle> {
  const { recipe, data, tagger } = making;
  const graph = taggerInferenceGraph(tagger);
  const computed = await computeAll(graph, making);
  const { texts } = data.validation;
  const gold = Int32Array.from(texts, ({ intent }) => data.learning.intents.indexOf(intent));
  const labels = data.learning.intents;
  const inScope = computed.validation.map(({ logits }) => logits);
  const { calibration, thresholds } = calibrate(
    { inScope, gold, outOfScope: computed.outOfScopeTuning },
    labels,
    recipe.bundle.coverage,
  );
  const scored = inScope.map((logits) => scoreLogits(logits, { calibration, thresholds, labels }));
  const order = transitionBytes(
    countTransitions(data.learning, { features: graph.features, weight: recipe.entities.transitions }),
  );
  const names = { ...data.learning, transitions: transitionsOf(order) };
  const int8 = taggerScore(computed.validation, texts, names);
  const float32 = taggerScore(await float32Outputs(tagger, data), texts, names);
  const quality = {
    accuracy: accuracy(decided(inScope), gold),
    expectedCalibrationError: expectedCalibrationError(
      scored.map(({ confidence }) => confidence),
      scored.map(({ labelIndex }, at) => labelIndex === gold[at]),
    ),
    ...outOfScopeQuality({
      inScope: scored.map(({ outOfScope }) => outOfScope),
      outOfScope: computed.outOfScopeReport.map(
        (logits) => scoreLogits(logits, { calibration, thresholds, labels }).outOfScope,
      ),
    }),
  };
  const manifest = {
    ...manifestOf({ making, graph, order, microseconds: computed.microseconds }),
    calibration,
    thresholds,
    quality: [{ dataset: recipe.bundle.dataset, split: 'validation', seed: making.seed, ...quality }],
    parent: await parentDigest(recipe.bundle.parent, making.recipeDirectory),
  };
  const written = await writeBundle(making.directory, {
    manifest,
    files: new Map([
      ['infer.int8', graph.bytes],
      ['train-step', headTrainingGraph(graph.penultimate)],
      ['prototypes', encodePrototypes(computed.prototypes)],
      ['golden', encodeGolden({ task: 'text-intent', cases: goldenCases(making, computed.validation) })],
    ]),
    card: (facts) => entityCard({ recipe, manifest, ...facts, float32, int8, shape: tagger.shape, data }),
  });
  return {
    directory: making.directory,
    ...written,
    intentsFloat32: float32.intents,
    intentsInt8: int8.intents,
    spanF1Float32: float32.spans.f1,
    spanF1Int8: int8.spans.f1,
    sentencesInt8: int8.sentences,
    auroc: quality.auroc ?? null,
    microseconds: computed.microseconds,
  };
}

interface Computed {
  readonly validation: Awaited<ReturnType<TaggerModel['compute']>>[];
  readonly outOfScopeTuning: readonly Float32Array[];
  readonly outOfScopeReport: readonly Float32Array[];
  readonly prototypes: ReturnType<typeof prototypesOf>;
  readonly microseconds: number;
}

async function computeAll(graph: TaggerInferenceGraph, making: EntityBundleMaking): Promise<Computed> {
  const { recipe, data, nowMs } = making;
  const model = await TaggerModel.open(graph, recipe.entities.tokensMax);
  try {
    const learned: { label: number; penultimate: Float32Array }[] = [];
    for (const { text, intent } of exemplary(data)) {
      const { penultimate } = await model.compute(text);
      learned.push({ label: data.learning.intents.indexOf(intent ?? ''), penultimate });
    }
    const logitsOf = async (texts: readonly string[]): Promise<Float32Array[]> => {
      const logits: Float32Array[] = [];
      for (const text of texts) logits.push((await model.compute(text)).logits);
      return logits;
    };
    const validation: Computed['validation'] = [];
    const took: number[] = [];
    for (const { text } of data.validation.texts) {
      const start = nowMs();
      validation.push(await model.compute(text));
      took.push((nowMs() - start) * 1000);
    }
    const classes = data.learning.intents.length;
    return {
      validation,
      outOfScopeTuning: await logitsOf(data.outOfScopeTuning),
      outOfScopeReport: await logitsOf(data.outOfScopeReport),
      prototypes: prototypesOf(learned, { classes, width: graph.penultimate }),
      microseconds: Math.round(took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)] ?? 0),
    };
  } finally {
    await model.release();
  }
}

/** The texts that prototypes are made of: all that have an intent. */
const exemplary = ({ learning }: EntityRecipeData): LearnedText[] =>
  [...learning.texts, ...(learning.further ?? []).flatMap(({ texts }) => texts)].filter(
    ({ intent }) => intent !== null,
  );

function outOfScopeQuality(groups: ScoreGroups): { auroc?: number; fpr95?: number } {
  return groups.outOfScope.length === 0 ? {} : { auroc: auroc(groups), fpr95: fpr95(groups) };
}

async function float32Outputs(tagger: Tagger, { validation }: EntityRecipeData): Promise<TaggerOutput[]> {
  return await taggerOutputs(
    tagger,
    validation.texts.map(({ text }) => text),
  );
}

// Spread over validation, with three decimals: far below the tolerance and half the bytes.
function goldenCases(
  { data, tagger }: EntityBundleMaking,
  outputs: Computed['validation'],
): { text: string; logits: number[]; tags: [number, number][] }[] {
  const { texts } = data.validation;
  const stride = Math.max(1, Math.floor(texts.length / GOLDEN_CASES));
  const short = (value: number): number => Math.round(value * 1000) / 1000;
  return texts.flatMap(({ text }, index) => {
    const output = outputs[index];
    if (index % stride !== 0 || index / stride >= GOLDEN_CASES || output === undefined) return [];
    const tags = goldenTags(output.tags, tagCount(tagger.shape.types));
    return [
      {
        text,
        logits: Array.from(output.logits, short),
        tags: tags.map(([tag, score]): [number, number] => [tag, short(score)]),
      },
    ];
  });
}

/** Session memory: the weights once in the file's form, once packed by the runtime, and room for the arena. */
const RSS_FACTOR = 2.5;
const RSS_BASE_BYTES = 1 << 20;

type TextDraft = Extract<ManifestDraft, { task: 'text-intent' }>;
type LaterFields = 'files' | 'cost' | 'calibration' | 'thresholds' | 'quality' | 'parent';

function manifestOf({
  making,
  graph,
  order,
  microseconds,
}: {
  readonly making: EntityBundleMaking;
  readonly graph: TaggerInferenceGraph;
  /** Transitions as the manifest keeps them. */
  readonly order: Uint8Array;
  readonly microseconds: number;
}): Omit<TextDraft, LaterFields> & { cost: Omit<TextDraft['cost'], 'bytes'> } {
  const { recipe, data } = making;
  const { bundle, entities } = recipe;
  const rssBytes = Math.round(graph.bytes.length * RSS_FACTOR) + RSS_BASE_BYTES;
  return {
    format: 1,
    task: 'text-intent',
    line: bundle.line,
    version: bundle.version,
    releaseCounter: bundle.releaseCounter,
    needs: { runtimeVersion: ENTITIES_RUNTIME_VERSION, rssBytes },
    inputs: [
      { name: 'rows', shape: [null], type: 'int32', unit: 'feature row' },
      { name: 'membership', shape: [null, null], type: 'float32', unit: 'share of a token' },
    ],
    labels: { version: 1, names: data.learning.intents.map(String) },
    entities: {
      tokensMax: entities.tokensMax,
      ...(entities.transitions === 0 ? {} : { transitions: Buffer.from(order).toString('base64') }),
      types: data.learning.types.map((name) => {
        const value = entities.values[name];
        return value === undefined ? { name } : { name, value };
      }),
    },
    text: graph.features,
    trainable: [
      { name: 'head.weight', shape: [graph.penultimate, data.learning.intents.length] },
      { name: 'head.bias', shape: [data.learning.intents.length] },
    ],
    quantization: graph.quantization,
    golden: { tolerance: GOLDEN_TOLERANCE },
    cost: { microseconds, rssBytes },
    license: bundle.license,
    attribution: bundle.attribution,
  };
}
