// Owns what a bundle's manifest says that a session costs: the time of a run, the memory of its process. It never runs a model.
import { quantile } from '@nanofleet/runtime';

/** Of a text model: its weights once in the file's form, once packed by the runtime, and room for the arena. */
const TEXT_FACTOR = 2.5;
const TEXT_BASE_BYTES = 1 << 20;

/**
 * Resident memory of a session of a sensor model: session, weights and activations. Ten sessions of the vibration model grew
 * the resident set by 0.67 MB each; rounded up.
 */
export const SENSOR_RSS_BYTES = 1_000_000;

/**
 * Of a tokenizer with its library: vocabularies of 30,000 entries in files of 0.45 MB (WordPiece), 1.2 MB (BPE) and 0.9 MB (Unigram, with its
 * tree of characters) grew the resident set by 6 to 9, 13 to 19 and 40 MB.
 */
const TOKENIZER_FACTOR = 14;
const UNIGRAM_FACTOR = 45;
const TOKENIZER_BASE_BYTES = 4_000_000;

/** Resident memory of a session of a text model whose graph has so many bytes. */
export const textRssBytes = (graphBytes: number): number =>
  Math.round(graphBytes * TEXT_FACTOR) + TEXT_BASE_BYTES;

/** Resident memory of a tokenizer whose file has so many bytes. */
export const tokenizerRssBytes = (
  fileBytes: number,
  { isUnigram }: { readonly isUnigram: boolean },
): number => TOKENIZER_BASE_BYTES + fileBytes * (isUnigram ? UNIGRAM_FACTOR : TOKENIZER_FACTOR);

/** The median of the milliseconds that runs took, in whole microseconds; 0 where there were none. */
export const medianMicroseconds = (milliseconds: readonly number[]): number =>
  milliseconds.length === 0 ? 0 : Math.round(quantile(milliseconds, 0.5) * 1000);
