/**
 * Owns the path from a text to a decision for a graph of another maker: check, ids of tokens, one run, scoring. Such a graph has no
 * features of ours: it tags nothing and does not learn.
 */
import {
  assert,
  type Digest,
  EXPLAINED_WORDS_MAX,
  type Explanation,
  NanofleetError,
  type TextManifest,
  type TokenizerParameters,
} from '@nanofleet/protocol';
import type { Tensor as EngineTensor, InferenceSession } from 'onnxruntime-node';
import { argMax } from '../metrics.ts';
import type { TextRunner } from '../runner.ts';
import { nothingScored, type Scored, scoreLogits } from '../scoring.ts';
import { checkText } from '../text/check-text.ts';
import { Tensor } from './engine.ts';
import { logOdds } from './explain-text.ts';
import { logitsOf } from './logits.ts';
import type { TextTokenizer } from './text-tokenizer.ts';

const FETCHES = ['logits'];

/** Inputs of a graph that takes tokens. */
export const TOKEN_INPUTS = {
  ids: 'input_ids',
  mask: 'attention_mask',
  types: 'token_type_ids',
} as const;

/** The feeds for one text. No text is padded, so the mask is all ones; there is one segment, so types are all zeros. */
export function tokenIdFeeds(
  ids: BigInt64Array,
  { attentionMask, tokenTypes }: Pick<TokenizerParameters, 'attentionMask' | 'tokenTypes'>,
): Record<string, EngineTensor> {
  const shape = [1, ids.length];
  const filled = (value: bigint) => new Tensor('int64', new BigInt64Array(ids.length).fill(value), shape);
  return {
    [TOKEN_INPUTS.ids]: new Tensor('int64', ids, shape),
    ...(attentionMask ? { [TOKEN_INPUTS.mask]: filled(1n) } : {}),
    ...(tokenTypes ? { [TOKEN_INPUTS.types]: filled(0n) } : {}),
  };
}

/** A runner over an open session, which it owns from then on. */
export function openTokenizedRunner(options: {
  session: InferenceSession;
  manifest: TextManifest;
  digest: Digest;
  tokenizer: TextTokenizer;
}): TextRunner {
  const { session, manifest, digest, tokenizer } = options;
  const { text: parameters } = manifest;
  assert(parameters.kind === 'tokenizer-json-1', 'the bundle has a tokenizer');
  const labels = manifest.labels.names;
  const scoring = { calibration: manifest.calibration, thresholds: manifest.thresholds, labels };
  const run = async (text: string) => {
    const { ids, known } = tokenizer.of(text);
    const outputs = await session.run(tokenIdFeeds(ids, parameters), FETCHES);
    return { logits: logitsOf(outputs, labels.length), known };
  };
  const decide = async (text: string): Promise<Scored> => {
    checkText(text);
    const { logits, known } = await run(text);
    return known === 0 ? nothingScored(logits, scoring) : scoreLogits(logits, scoring);
  };
  return {
    task: 'text-intent',
    line: manifest.line,
    version: manifest.version,
    releaseCounter: manifest.releaseCounter,
    digest,
    labels,
    manifest,
    decide,
    decideTagged: async (text) => ({ decided: await decide(text), tags: null }),
    async explain(text, { logits }) {
      checkText(text);
      const { temperature } = manifest.calibration;
      return await explainWords(text, {
        logits,
        temperature,
        logitsFor: async (less) => (await run(less)).logits,
      });
    },
    penultimate: () =>
      Promise.reject(
        new NanofleetError(
          'LINE_NOT_TRAINABLE',
          `The model of ${manifest.line} was imported: it does not learn.`,
          { facts: { line: manifest.line } },
        ),
      ),
    release: () => session.release(),
  };
}

/** By how much the log-odds of the decided label fall without each word; words are what stands between spaces. */
async function explainWords(
  text: string,
  given: {
    readonly logits: Float32Array;
    readonly temperature: number;
    readonly logitsFor: (text: string) => Promise<Float32Array>;
  },
): Promise<Explanation> {
  const { logits, temperature, logitsFor } = given;
  const label = argMax(logits);
  const whole = logOdds(logits, { label, temperature });
  const words: Explanation['words'] = [];
  for (const { index, 0: word } of [...text.matchAll(/\S+/gu)].slice(0, EXPLAINED_WORDS_MAX)) {
    const [from, to] = [index, index + word.length];
    const without = await logitsFor(text.slice(0, from) + text.slice(to));
    words.push({ word, from, to, contribution: whole - logOdds(without, { label, temperature }) });
  }
  return { words, ngrams: [] };
}
