// Owns computing a tagger in float32 for many texts, and scoring it: intents and strict spans. It never trains.
import assert from 'node:assert/strict';
import { accuracy, argMax, entitiesOf, TextFeatures, type Transitions, tagCount } from '@nanofleet/runtime';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { WordTable } from '../encoder/word-table.ts';
import { SINGLE_THREAD } from '../train/training-session.ts';
import type { LearnedText, MarkedEntity } from './annotated-texts.ts';
import { type SpanScore, spanScore } from './span-score.ts';
import { denseTensors, TAG_ORDER, type Tagger } from './tagger.ts';
import type { TaggerTexts } from './tagger-batches.ts';
import { taggerEvaluationGraph } from './tagger-graphs.ts';
import { rowsByToken, tokenSequence } from './token-sequence.ts';

const BATCH = 64;

/** What a tagger says of one text. */
export interface TaggerOutput {
  readonly logits: Float32Array;
  /** [tokens, tags], row major. */
  readonly tags: Float32Array;
  /** Start and end of each token. */
  readonly bounds: Int32Array;
}

/** Computes texts in order. */
export async function taggerOutputs(tagger: Tagger, texts: readonly string[]): Promise<TaggerOutput[]> {
  const session = await InferenceSession.create(taggerEvaluationGraph(tagger.shape), SINGLE_THREAD);
  const parameters = Object.fromEntries(
    denseTensors(tagger)
      .filter(({ name }) => name !== TAG_ORDER)
      .map(({ name, shape, elements }) => [name, new Tensor('float32', elements, shape)]),
  );
  const features = new TextFeatures(tagger.shape.features);
  const table = new WordTable(tagger.shape.width, { value: tagger.table, ...NO_MOMENTS });
  const outputs: TaggerOutput[] = [];
  for (let start = 0; start < texts.length; start += BATCH) {
    const seen = texts.slice(start, start + BATCH).map((text) => features.withTokens(text));
    const { feeds } = tokenSequence(
      seen.map(({ rows, tokenOfRow, bounds }) => rowsByToken(rows, tokenOfRow, bounds.length / 2)),
      { shape: tagger.shape, table },
    );
    const output = await session.run({ ...parameters, ...feeds }, ['logits', 'tags']);
    outputs.push(...split(output, { tagger, seen }));
  }
  await session.release();
  return outputs;
}

const NO_MOMENTS = { firstMoment: new Float32Array(), secondMoment: new Float32Array() };

function split(
  output: InferenceSession.OnnxValueMapType,
  { tagger, seen }: { readonly tagger: Tagger; readonly seen: readonly { readonly bounds: Int32Array }[] },
): TaggerOutput[] {
  const { classes, types } = tagger.shape;
  const [logits, tags] = [output['logits']?.data, output['tags']?.data];
  assert(logits instanceof Float32Array && tags instanceof Float32Array);
  let token = 0;
  return seen.map(({ bounds }, text) => {
    const from = token * tagCount(types);
    token += bounds.length / 2;
    return {
      logits: logits.slice(text * classes, (text + 1) * classes),
      tags: tags.slice(from, token * tagCount(types)),
      bounds,
    };
  });
}

/** The entities that tag scores mark in a text. */
function markedBy(
  { tags, bounds }: Pick<TaggerOutput, 'tags' | 'bounds'>,
  { text, types, transitions }: { readonly text: string } & Pick<ScoringNames, 'types' | 'transitions'>,
): MarkedEntity[] {
  const named = types.map((name) => ({ name }));
  return entitiesOf(tags, { text, bounds, types: named, transitions });
}

/** How well texts are understood. */
export interface TaggerScore {
  /** Share of texts whose intent is right. */
  readonly intents: number;
  readonly spans: SpanScore;
  /** Share of the marked texts whose intent and whose entities are all right. */
  readonly sentences: number;
}

/** What numbers stand for, and what orders of entities cost (nothing when left out). */
export interface ScoringNames extends Pick<TaggerTexts, 'intents' | 'types'> {
  readonly transitions?: Transitions | undefined;
}

/** Scores outputs against what is marked in the texts, whose intents and types are named in `names`; entities only where they are marked. */
export function taggerScore(
  outputs: readonly TaggerOutput[],
  texts: readonly LearnedText[],
  { intents, types, transitions }: ScoringNames,
): TaggerScore {
  const gold = texts.map(({ intent }) => (intent === null ? -1 : intents.indexOf(intent)));
  const decided = outputs.map(({ logits }) => argMax(logits));
  const spans = texts.flatMap(({ text, entities }, index) => {
    const output = outputs[index];
    assert(output);
    if (entities === null) return [];
    return [{ index, marked: entities, found: markedBy(output, { text, types, transitions }) }];
  });
  const whole = spans.filter((text) => {
    const { marked, found, right } = spanScore([text]);
    return marked === right && found === right && decided[text.index] === gold[text.index];
  });
  return {
    intents: accuracy(decided, gold),
    spans: spanScore(spans),
    sentences: whole.length / Math.max(spans.length, 1),
  };
}
