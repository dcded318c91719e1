/**
 * Owns cutting a text into ids of tokens by a bundle's `tokenizer.json`. The library is loaded when the first such bundle is: a device
 * without one never pays for it. Bounded: characters that hardly become one of `tokensMax` tokens are left out, as are ids beyond these, and
 * what the library remembers of words is forgotten in time.
 */
import {
  NanofleetError,
  TOKEN_CHARACTERS_MAX,
  TOKENIZER_MEMORY_CHARACTERS_MAX,
  type TokenizerParameters,
} from '@nanofleet/protocol';
import {
  libraryForm,
  parseTokenizer,
  specialTokens,
  type TokenizerFile,
  unknownId,
  vocabularySize,
} from '../text/tokenizer-file.ts';

/** What is used of the library; its own declarations do not resolve under `nodenext`. */
interface LibraryTokenizer {
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly number[] };
  readonly model: { clear_cache?: () => void };
}
type Library = { readonly Tokenizer: new (file: object, config: object) => LibraryTokenizer };

/** The ids of a text. */
export interface TokenIds {
  /** At least one; special tokens among them. */
  readonly ids: BigInt64Array;
  /** Tokens of the text that the vocabulary knows, special ones not among them. */
  readonly known: number;
}

/** Cuts texts as one bundle does. */
export class TextTokenizer {
  readonly #library: LibraryTokenizer;
  readonly #tokensMax: number;
  readonly #unknown: number | null;
  /** Special tokens before and after a text. */
  readonly #before: number;
  readonly #after: number;
  #characters = 0;

  private constructor(library: LibraryTokenizer, file: TokenizerFile, tokensMax: number) {
    this.#library = library;
    this.#tokensMax = tokensMax;
    this.#unknown = unknownId(file);
    ({ before: this.#before, after: this.#after } = specialTokens(file));
    if (this.#before + this.#after >= tokensMax)
      throw refused(
        `it has ${this.#before + this.#after} special tokens where ${tokensMax} tokens are taken`,
      );
  }

  /** Reads the file; @throws NanofleetError `TOKENIZER_UNSUPPORTED` */
  static async open(
    bytes: Uint8Array,
    { tokensMax, vocabulary }: Pick<TokenizerParameters, 'tokensMax' | 'vocabulary'>,
  ): Promise<TextTokenizer> {
    const file = parseTokenizer(bytes);
    const size = vocabularySize(file);
    if (size > vocabulary)
      throw refused(`it gives ids up to ${size - 1}, the graph takes them below ${vocabulary}`);
    const { Tokenizer } = (await import('@huggingface/tokenizers')) as unknown as Library;
    try {
      return new TextTokenizer(new Tokenizer(libraryForm(file), {}), file, tokensMax);
    } catch (cause) {
      if (cause instanceof NanofleetError) throw cause;
      throw refused(
        cause instanceof Error ? cause.message.slice(0, 300) : 'the library does not take it',
        cause,
      );
    }
  }

  /** The ids of a text of at most TEXT_BYTES_MAX bytes. */
  of(text: string): TokenIds {
    const read = cut(text, this.#tokensMax * TOKEN_CHARACTERS_MAX);
    this.#forget(read.length);
    const { ids } = this.#library.encode(read, { add_special_tokens: true });
    const end = ids.length - this.#after;
    const content = ids.slice(this.#before, Math.min(end, this.#tokensMax - this.#after));
    const taken = [...ids.slice(0, this.#before), ...content, ...ids.slice(end)];
    return {
      ids: BigInt64Array.from(taken.length === 0 ? [this.#unknown ?? 0] : taken, BigInt),
      known: content.filter((id) => id !== this.#unknown).length,
    };
  }

  /** The library keeps the pieces of each word that it has cut; a program that asks ever new words must not fill the memory. */
  #forget(characters: number): void {
    this.#characters += characters;
    if (this.#characters < TOKENIZER_MEMORY_CHARACTERS_MAX) return;
    this.#characters = 0;
    this.#library.model.clear_cache?.();
  }
}

/** The first characters (UTF-16 units) of a text; no pair is halved. */
function cut(text: string, length: number): string {
  const isHalved = /[\ud800-\udbff]/.test(text.charAt(length - 1));
  return text.slice(0, isHalved ? length - 1 : length);
}

const refused = (why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('TOKENIZER_UNSUPPORTED', `The tokenizer.json was refused: ${why}.`, { cause });
