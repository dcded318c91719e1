/**
 * Owns the hot path from a text to a decision: check, features, one run of the graph, scoring, entities. Deciding fetches no penultimate features; these are for learning and
 * would cost a copy per decision.
 */
import {
  type Digest,
  type EntityParameters,
  EXPLAINED_NGRAMS_TAGGING_MAX,
  type HashedTextManifest,
  NanofleetError,
} from '@nanofleet/protocol';
import type { InferenceSession } from 'onnxruntime-node';
import type { TaggedDecision, TextRunner } from '../runner.ts';
import { nothingScored, scoreLogits } from '../scoring.ts';
import { checkText } from '../text/check-text.ts';
import { transitionsOf } from '../text/entity-tags.ts';
import { entitiesOf } from '../text/find-entities.ts';
import { TextFeatures, type TokenRows } from '../text/text-features.ts';
import { explainText } from './explain-text.ts';
import { explainedLogits } from './explained-logits.ts';
import { logitsOf, tagScoresOf } from './logits.ts';
import { rowFeeds, textFeeds, tokenFeeds } from './text-input.ts';

const FETCHES = ['logits'];
const TAGGING_FETCHES = ['logits', 'tags'];
const LEARNING_FETCHES = ['penultimate'];

/** A text runner over an open session, which it owns from then on. */
export function openTextRunner(options: {
  session: InferenceSession;
  manifest: HashedTextManifest;
  digest: Digest;
}): TextRunner {
  const { session, manifest, digest } = options;
  const features = new TextFeatures(manifest.text);
  const labels = manifest.labels.names;
  const scoring = { calibration: manifest.calibration, thresholds: manifest.thresholds, labels };
  const { entities: tagging } = manifest;
  const transitions =
    tagging?.transitions === undefined ? undefined : transitionsOf(bytesOf(tagging.transitions));
  const scored = (logits: Float32Array, tokens: number) =>
    tokens === 0 ? nothingScored(logits, scoring) : scoreLogits(logits, scoring);
  const tagged = async (text: string, parameters: EntityParameters) => {
    const seen = features.withTokens(text);
    const feeds = tokenFeeds(seen, { tokensMax: parameters.tokensMax, inputs: session.inputNames });
    const outputs = await session.run(feeds, TAGGING_FETCHES);
    const scores = tagScoresOf(outputs, { tokens: seen.bounds.length / 2, parameters });
    return { seen, scores, logits: logitsOf(outputs, labels.length) };
  };
  const decideTagged = async (text: string): Promise<TaggedDecision> => {
    checkText(text);
    if (tagging === undefined) {
      const { rows, tokens } = features.of(text);
      const outputs = await session.run(rowFeeds(rows), FETCHES);
      return { decided: scored(logitsOf(outputs, labels.length), tokens), tags: null };
    }
    const { seen, scores, logits } = await tagged(text, tagging);
    const { types } = tagging;
    const entities = entitiesOf(scores, { text, bounds: seen.bounds, types, transitions });
    return { decided: { ...scored(logits, seen.tokens), entities }, tags: scores };
  };
  return {
    task: 'text-intent',
    line: manifest.line,
    version: manifest.version,
    releaseCounter: manifest.releaseCounter,
    digest,
    labels,
    manifest,
    decide: async (text) => (await decideTagged(text)).decided,
    decideTagged,
    async explain(text, { logits }) {
      checkText(text);
      const graph = { session, labels: labels.length, tokensMax: tagging?.tokensMax };
      const logitsFor = (texts: readonly TokenRows[]) => explainedLogits(texts, graph);
      const { temperature } = manifest.calibration;
      const ngramsMax = tagging === undefined ? undefined : EXPLAINED_NGRAMS_TAGGING_MAX;
      const { text: parameters } = manifest;
      return await explainText({ text, logits }, { features, parameters, temperature, logitsFor, ngramsMax });
    },
    async penultimate(text) {
      checkText(text);
      const { feeds } = textFeeds(features, { text, inputs: session.inputNames });
      const outputs = await session.run(feeds, LEARNING_FETCHES);
      const values = outputs['penultimate']?.data;
      if (values instanceof Float32Array) return values.slice();
      throw new NanofleetError('MODEL_LOAD_FAILED', 'The graph gives no penultimate features as float32.');
    },
    release: () => session.release(),
  };
}

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));
