/**
 * Owns how a text becomes feature rows: lower-casing, tokens, hashed words, character n-grams and word bigrams.
 * Pure and deterministic: the same text and parameters give the same rows on every machine, for ever, because the rows of the trained
 * table depend on it. Never judges whether a text may be asked (check-text.ts) and never touches a model.
 */
import { TEXT_BYTES_MAX, type TextFeatureParameters } from '@nanofleet/protocol';
import { FNV_OFFSET, fnvByte, fnvString, spread } from './hash.ts';

const QUOTE = 0x27;
const OPEN = 0x3c;
const CLOSE = 0x3e;
const SPACE = 0x20;

/** FNV states after the prefixes that keep words, characters and bigrams apart. */
const WORD_STATE = fnvString(FNV_OFFSET, 'w:');
const CHARACTER_STATE = fnvString(FNV_OFFSET, 'c:');
const BIGRAM_STATE = fnvString(FNV_OFFSET, 'b:');
const SENTENCE_START = fnvByte(fnvString(BIGRAM_STATE, '<s>'), SPACE);
const SENTENCE_END = '</s>';

/** Odd, so that it only permutes the states: 2^32 by the golden ratio. */
const SECOND_HASH = 0x9e3779b1;

/** Stands for a text that holds no token, so that every text has at least one row. */
const EMPTY_TOKEN = '<empty>';

const isTokenCode = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === QUOTE;

/** Typographic quotes and the grave accent are typed for an apostrophe. */
const asQuote = (code: number): number => (code === 0x2019 || code === 0x60 ? QUOTE : code);

/** The rows of a text, and whether any token was found in it. */
export interface FeatureRows {
  /** Row numbers in 0..buckets-1; at least one; repeats are meant (each occurrence counts). */
  readonly rows: Int32Array;
  /** Number of tokens; 0 when the text holds no letter or digit of the model's alphabet. */
  readonly tokens: number;
}

/**
 * Turns texts into feature rows. One instance per model: it keeps scratch buffers, so that a call allocates only its result
 * (building n-gram strings instead costs five times as much).
 */
export class TextFeatures {
  readonly #parameters: TextFeatureParameters;
  readonly #rows: Int32Array;
  /** Bytes of `<token>` with its brackets; a token is never longer than the text limit. */
  readonly #token = new Uint8Array(TEXT_BYTES_MAX + 2);
  #count = 0;

  constructor(parameters: TextFeatureParameters) {
    this.#parameters = parameters;
    this.#rows = new Int32Array(parameters.rowsMax);
  }

  /**
   * Feature rows of a text of at most `TEXT_BYTES_MAX` UTF-8 bytes (the caller checks). Rows beyond `rowsMax` are dropped, which only
   * texts far longer than any utterance reach.
   */
  of(text: string): FeatureRows {
    this.#count = 0;
    const tokens = this.#scan(text.toLowerCase());
    return { rows: this.#rows.slice(0, this.#count), tokens };
  }

  #scan(text: string): number {
    let tokens = 0;
    let previous = SENTENCE_START;
    let length = 0;
    let meaningful = false;
    for (let at = 0; at <= text.length; at += 1) {
      const code = at < text.length ? asQuote(text.charCodeAt(at)) : SPACE;
      if (isTokenCode(code)) {
        length += 1;
        this.#token[length] = code;
        meaningful ||= code !== QUOTE;
      } else if (length > 0) {
        if (meaningful) previous = this.#emit(length, previous);
        tokens += meaningful ? 1 : 0;
        length = 0;
        meaningful = false;
      }
    }
    if (tokens === 0) previous = this.#emit(this.#writeEmptyToken(), previous);
    if (this.#parameters.wordBigrams) this.#push(fnvString(previous, SENTENCE_END));
    return tokens;
  }

  /** Rows of the token in the scratch buffer; returns the FNV state of the bigram that it opens. */
  #emit(length: number, previous: number): number {
    let word = WORD_STATE;
    let bigram = previous;
    let opened = BIGRAM_STATE;
    for (let at = 1; at <= length; at += 1) {
      const byte = this.#token[at] ?? 0;
      word = fnvByte(word, byte);
      bigram = fnvByte(bigram, byte);
      opened = fnvByte(opened, byte);
    }
    this.#push(word);
    this.#pushCharacters(length);
    if (this.#parameters.wordBigrams) this.#push(bigram);
    return fnvByte(opened, SPACE);
  }

  /** Every n-gram of the bracketed token; the state of a longer gram continues that of the shorter one. */
  #pushCharacters(length: number): void {
    const { charMin, charMax } = this.#parameters;
    this.#token[0] = OPEN;
    this.#token[length + 1] = CLOSE;
    for (let from = 0; from < length + 2; from += 1) {
      let state = CHARACTER_STATE;
      const last = Math.min(from + charMax, length + 2);
      for (let at = from; at < last; at += 1) {
        state = fnvByte(state, this.#token[at] ?? 0);
        if (at - from + 1 >= charMin) this.#push(state);
      }
    }
  }

  #push(state: number): void {
    if (this.#count === this.#rows.length) return;
    const { buckets, hashes } = this.#parameters;
    this.#rows[this.#count] = spread(state) % buckets;
    this.#count += 1;
    if (hashes !== 2 || this.#count === this.#rows.length) return;
    this.#rows[this.#count] = spread(Math.imul(state, SECOND_HASH)) % buckets;
    this.#count += 1;
  }

  #writeEmptyToken(): number {
    for (let at = 0; at < EMPTY_TOKEN.length; at += 1) this.#token[at + 1] = EMPTY_TOKEN.charCodeAt(at);
    return EMPTY_TOKEN.length;
  }
}
