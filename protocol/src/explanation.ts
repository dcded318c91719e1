/**
 * Owns what an explanation of a decision is: what words and n-grams of the text did for the decided label. It holds words of
 * the text, so it goes only to the local program that asked; no message to the controller carries one.
 */
import { z } from 'zod';
import { EXPLAINED_WORDS_MAX, EXPLANATION_NGRAMS_MAX } from './limits/local-intake.ts';
import { countSchema, errorCodeSchema, proseSchema } from './messages/vocabulary.ts';

/** Where it stands in the text as it was asked, UTF-16 units, `to` exclusive; and what it did. */
const contribution = {
  from: countSchema,
  to: countSchema,
  /** How much the log-odds of the label (natural, of its calibrated confidence) fall without it. Negative: it spoke for others. */
  contribution: z.number(),
};

/** Why a text got its label. */
export const explanationSchema = z.object({
  /** In order of their places; each against the text without that word. */
  words: z.array(z.object({ word: z.string(), ...contribution })).max(EXPLAINED_WORDS_MAX),
  /**
   * The greatest contributions first; each against the features of the text without that one. Pairs of words (`<s>` and
   * `</s>` stand for the ends of the text) and the longest pieces of the word that did most (`<` and `>` for its ends).
   */
  ngrams: z.array(z.object({ ngram: z.string(), ...contribution })).max(EXPLANATION_NGRAMS_MAX),
});

/** An explanation, or why there is none: in words, with who may change it and how. */
export const explanationAnswerSchema = z.union([
  explanationSchema,
  z.object({ code: errorCodeSchema, message: proseSchema }),
]);

export type Explanation = z.infer<typeof explanationSchema>;
export type ExplanationAnswer = z.infer<typeof explanationAnswerSchema>;
