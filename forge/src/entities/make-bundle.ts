// Owns making a text bundle of a trained tagger: quantized graph, calibration, prototypes, golden vectors with tags, quality,
// card. It never trains and never signs.
import { type ManifestDraft, TOGETHER_RUNTIME_VERSION } from '@nanofleet/protocol';
import {
  encodeGolden,
  encodePrototypes,
  goldenTags,
  tagCount,
  transitionBytes,
  transitionsOf,
} from '@nanofleet/runtime';
import { goldenIndices, goldenNumber } from '../bundle/golden-texts.ts';
import { parentDigest } from '../bundle/parent-digest.ts';
import { recipeThresholds } from '../bundle/recipe-thresholds.ts';
import { scoredQuality } from '../bundle/scored-quality.ts';
import { textRssBytes } from '../bundle/session-cost.ts';
import { type ComputedTexts, computeTexts } from '../bundle/text-outputs.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { headTrainingGraph, trainableHead } from '../train/head-step.ts';
import { entityCard } from './card.ts';
import { countTransitions } from './count-transitions.ts';
import type { EntityRecipe } from './recipe.ts';
import { type EntityRecipeData, learnedTexts } from './recipe-texts.ts';
import { learnedTransitions } from './tag-order.ts';
import type { Tagger } from './tagger.ts';
import { type TaggerOutput, taggerOutputs, taggerScore } from './tagger-evaluation.ts';
import { type TaggerInferenceGraph, taggerInferenceGraph } from './tagger-inference-graph.ts';
import { TaggerModel } from './tagger-model.ts';

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
  const { calibration, thresholds } = recipeThresholds(
    { inScope, gold, outOfScope: computed.outOfScopeTuning },
    labels,
    { name: recipe.name, ...recipe.bundle, apart: computed.apart },
  );
  const { transitions } = recipe.entities;
  const order = transitionBytes(
    transitions === 'learned'
      ? learnedTransitions(tagger.dense)
      : countTransitions(data.learning, { features: graph.features, weight: transitions }),
  );
  const names = { ...data.learning, transitions: transitionsOf(order) };
  const int8 = taggerScore(computed.validation, texts, names);
  const float32 = taggerScore(await float32Outputs(tagger, data), texts, names);
  const quality = scoredQuality(
    { inScope, gold, outOfScope: computed.outOfScopeReport },
    { calibration, thresholds, labels },
  );
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
      ['golden', encodeGolden({ task: 'text-intent', cases: goldenCases(making, computed) })],
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

type Computed = ComputedTexts<TaggerOutput & { readonly penultimate: Float32Array }>;

async function computeAll(graph: TaggerInferenceGraph, making: EntityBundleMaking): Promise<Computed> {
  const { recipe, data, nowMs } = making;
  const { intents } = data.learning;
  const model = await TaggerModel.open(graph, recipe.entities.tokensMax);
  const compute = (text: string) => model.compute(text);
  try {
    return await computeTexts(
      { compute, classes: intents.length, width: graph.penultimate, nowMs },
      {
        ...data,
        learned: learnedTexts(data),
        apart: recipe.bundle.bound === undefined ? [] : learnedTexts(data),
        validation: data.validation.texts.map(({ text }) => text),
      },
    );
  } finally {
    await model.release();
  }
}

async function float32Outputs(tagger: Tagger, { validation }: EntityRecipeData): Promise<TaggerOutput[]> {
  return await taggerOutputs(
    tagger,
    validation.texts.map(({ text }) => text),
  );
}

function goldenCases(
  { data, tagger }: EntityBundleMaking,
  { validation }: Computed,
): { text: string; logits: number[]; tags: [number, number][] }[] {
  const { texts } = data.validation;
  return goldenIndices(texts.length).flatMap((index) => {
    const [text, output] = [texts[index]?.text, validation[index]];
    if (text === undefined || output === undefined) return [];
    const tags = goldenTags(output.tags, tagCount(tagger.shape.types));
    return [
      {
        text,
        logits: Array.from(output.logits, goldenNumber),
        tags: tags.map(([tag, score]): [number, number] => [tag, goldenNumber(score)]),
      },
    ];
  });
}

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
  const rssBytes = textRssBytes(graph.bytes.length);
  return {
    format: 1,
    task: 'text-intent',
    line: bundle.line,
    version: bundle.version,
    releaseCounter: bundle.releaseCounter,
    needs: { runtimeVersion: TOGETHER_RUNTIME_VERSION, rssBytes },
    inputs: [
      { name: 'rows', shape: [null, null], type: 'int32', unit: 'feature row' },
      { name: 'bag', shape: [null, null], type: 'float32', unit: 'share of a text' },
      { name: 'membership', shape: [null, null, null], type: 'float32', unit: 'share of a token' },
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
    trainable: trainableHead({ hidden: graph.penultimate, classes: data.learning.intents.length }),
    quantization: graph.quantization,
    golden: { tolerance: GOLDEN_TOLERANCE },
    cost: { microseconds, rssBytes },
    license: bundle.license,
    attribution: bundle.attribution,
  };
}
