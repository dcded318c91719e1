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

/** The rows of a text with the token that each belongs to and where each token stands, for models that tag tokens. */
export interface TokenRows extends FeatureRows {
  /** For each row the number of its token; a bigram belongs to its second word, the one that ends the text to the last word. */
  readonly tokenOfRow: Int32Array;
  /** Where token `i` starts and ends (exclusive) in the text, UTF-16 units: `bounds[2 * i]` and `bounds[2 * i + 1]`. */
  readonly bounds: Int32Array;
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
  #tokens = 0;
  readonly #tokenOfRow: Int32Array;
  /** Start and end of each token in the lower-cased text. */
  readonly #bounds = new Int32Array(2 * TEXT_BYTES_MAX);

  constructor(parameters: TextFeatureParameters) {
    this.#parameters = parameters;
    this.#rows = new Int32Array(parameters.rowsMax);
    this.#tokenOfRow = new Int32Array(parameters.rowsMax);
  }

  /**
   * Feature rows of a text of at most `TEXT_BYTES_MAX` UTF-8 bytes (the caller checks). Rows beyond `rowsMax` are dropped, which only
   * texts far longer than any utterance reach.
   */
  of(text: string): FeatureRows {
    const tokens = this.#scan(text.toLowerCase());
    return { rows: this.#rows.slice(0, this.#count), tokens };
  }

  /** The same rows with their tokens. A text without a token has one stand-in at 0..0, which owns its rows. */
  withTokens(text: string): TokenRows {
    const lower = text.toLowerCase();
    const tokens = this.#scan(lower);
    const bounds = this.#bounds.slice(0, 2 * Math.max(tokens, 1));
    return {
      rows: this.#rows.slice(0, this.#count),
      tokens,
      tokenOfRow: this.#tokenOfRow.slice(0, this.#count),
      bounds: lower.length === text.length ? bounds : originalPlaces(text, bounds),
    };
  }

  #scan(text: string): number {
    this.#count = 0;
    this.#tokens = 0;
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
        if (meaningful) previous = this.#emit(length, previous, at);
        length = 0;
        meaningful = false;
      }
    }
    const tokens = this.#tokens;
    if (tokens === 0) previous = this.#emit(this.#writeEmptyToken(), previous, EMPTY_TOKEN.length);
    if (tokens === 0) this.#bounds.fill(0, 0, 2);
    this.#tokens -= 1;
    if (this.#parameters.wordBigrams) this.#push(fnvString(previous, SENTENCE_END));
    return tokens;
  }

  /** Rows of the token in the scratch buffer, which ends at `end`; returns the FNV state of the bigram that it opens. */
  #emit(length: number, previous: number, end: number): number {
    this.#bounds[2 * this.#tokens] = end - length;
    this.#bounds[2 * this.#tokens + 1] = end;
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
    this.#tokens += 1;
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
    this.#put(spread(state) % buckets);
    if (hashes !== 2 || this.#count === this.#rows.length) return;
    this.#put(spread(Math.imul(state, SECOND_HASH)) % buckets);
  }

  #put(row: number): void {
    this.#rows[this.#count] = row;
    this.#tokenOfRow[this.#count] = this.#tokens;
    this.#count += 1;
  }

  #writeEmptyToken(): number {
    for (let at = 0; at < EMPTY_TOKEN.length; at += 1) this.#token[at + 1] = EMPTY_TOKEN.charCodeAt(at);
    return EMPTY_TOKEN.length;
  }
}

// Lower-casing lengthens İ (U+0130) only; such texts are rare, so the map is made when it is needed.
function originalPlaces(text: string, bounds: Int32Array): Int32Array {
  const places: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    for (let unit = text.charAt(at).toLowerCase().length; unit > 0; unit -= 1) places.push(at);
  }
  places.push(text.length);
  // An end is where the last unit of the token ends, not where the next one begins.
  return bounds.map((place, at) => {
    if (at % 2 === 0 || place === 0) return places[place] ?? text.length;
    return (places[place - 1] ?? text.length) + 1;
  });
}
