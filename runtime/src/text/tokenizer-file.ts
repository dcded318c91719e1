/**
 * Owns which files `tokenizer.json` (Hugging Face tokenizers) are taken and what of them: named parts only, none that lets a text grow
 * without bound, and no regular expression but known ones, for a foreign one can take for ever. Never cuts a text (text-tokenizer.ts).
 */
import {
  NanofleetError,
  TOKENIZER_BYTES_MAX,
  VOCABULARY_MAX,
  WORD_CHARACTERS_MAX,
} from '@nanofleet/protocol';
import { z } from 'zod';

const PARTS_MAX = 16;
const ADDED_TOKENS_MAX = 1_024;
const ENTRY_CHARACTERS_MAX = 256;

/** Runs of space, as normalizers of SentencePiece models and of BERT's kin replace them. */
const REPLACED_PATTERNS: ReadonlySet<string> = new Set([' {2,}', '\\s+']);

/** How GPT-2, GPT-4 and Qwen cut texts into words. Each takes at most time that grows with the square of a run of spaces. */
const SPLIT_PATTERNS: ReadonlySet<string> = new Set([
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
]);

const knownPattern = (known: ReadonlySet<string>) =>
  z.union([
    z.object({ String: z.string().min(1).max(16) }),
    z.object({
      Regex: z.string().refine((pattern) => known.has(pattern), 'is no known regular expression'),
    }),
  ]);

const flag = z.boolean().optional();
const type = <T extends string>(name: T) => z.object({ type: z.literal(name) });

/** One that replaces by no more characters than it takes away, so that no chain of them makes a text grow. */
const replaceSchema = type('Replace')
  .extend({ pattern: knownPattern(REPLACED_PATTERNS), content: z.string() })
  .refine(
    ({ pattern, content }) => content.length <= ('String' in pattern ? pattern.String.length : 1),
    'replaces by more characters than it takes away',
  );

const normalizers = [
  type('BertNormalizer').extend({
    clean_text: flag,
    handle_chinese_chars: flag,
    strip_accents: flag.nullable(),
    lowercase: flag,
  }),
  type('Lowercase'),
  type('NFC'),
  type('NFD'),
  type('NFKC'),
  type('NFKD'),
  type('StripAccents'),
  type('Strip').extend({ strip_left: flag, strip_right: flag }),
  type('Prepend').extend({ prepend: z.string().max(4) }),
  replaceSchema,
] as const;

const preTokenizers = [
  type('BertPreTokenizer'),
  type('WhitespaceSplit'),
  type('Whitespace'),
  type('Digits').extend({ individual_digits: flag }),
  type('Metaspace').extend({
    replacement: z.string().min(1).max(2),
    str_rep: z.string().max(2).optional(),
    prepend_scheme: z.enum(['always', 'first', 'never']).optional(),
    add_prefix_space: flag,
  }),
  type('ByteLevel').extend({ add_prefix_space: flag, trim_offsets: flag, use_regex: flag }),
  type('Split').extend({
    pattern: knownPattern(SPLIT_PATTERNS),
    behavior: z.enum(['Removed', 'Isolated']),
    invert: z.literal(false).optional(),
  }),
] as const;

const special = z.tuple([z.string(), z.int()]);
const template = z
  .array(
    z.union([
      z.object({ SpecialToken: z.object({ id: z.string(), type_id: z.literal(0) }) }),
      z.object({ Sequence: z.object({ id: z.literal('A'), type_id: z.literal(0) }) }),
    ]),
  )
  .max(8)
  .refine((items) => items.filter((item) => 'Sequence' in item).length === 1, 'must hold the text once');

const postProcessors = [
  type('TemplateProcessing').extend({ single: template }),
  type('BertProcessing').extend({ sep: special, cls: special }),
  type('RobertaProcessing').extend({ sep: special, cls: special }),
  type('ByteLevel'),
] as const;

const isEntry = (entry: unknown): entry is string =>
  typeof entry === 'string' && entry.length <= ENTRY_CHARACTERS_MAX;
const isId = (id: unknown): id is number =>
  Number.isInteger(id) && Number(id) >= 0 && Number(id) < VOCABULARY_MAX;

/** Checked without a copy: a vocabulary has tens of thousands of entries. */
const vocabulary = z.custom<Readonly<Record<string, number>>>((value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length > 0 &&
    entries.length <= VOCABULARY_MAX &&
    entries.every(([key, id]) => isEntry(key) && isId(id))
  );
}, 'is no vocabulary of words with ids');

const isPair = (merge: unknown): boolean =>
  Array.isArray(merge) && merge.length === 2 && merge.every(isEntry);

/** Pairs are written in one of two ways throughout a file. */
const merges = z.custom<readonly (string | readonly [string, string])[]>(
  (value) =>
    Array.isArray(value) &&
    value.length <= 2 * VOCABULARY_MAX &&
    (value.every(isEntry) || value.every(isPair)),
  'is no list of pairs',
);

const scored = z.custom<readonly (readonly [string, number])[]>(
  (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= VOCABULARY_MAX &&
    value.every(
      (entry) => Array.isArray(entry) && entry.length === 2 && isEntry(entry[0]) && Number.isFinite(entry[1]),
    ),
  'is no list of pieces with scores',
);

/** What the library leaves out is refused: a prefix within words of BPE, and bytes for what no piece of Unigram covers. */
const models = [
  type('WordPiece').extend({
    unk_token: z.string(),
    continuing_subword_prefix: z.string().max(8),
    max_input_chars_per_word: z.int().min(1).max(WORD_CHARACTERS_MAX).optional(),
    vocab: vocabulary,
  }),
  type('BPE').extend({
    dropout: z.null().optional(),
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.literal('').nullish(),
    end_of_word_suffix: z.string().max(8).nullish(),
    fuse_unk: flag,
    byte_fallback: flag,
    ignore_merges: flag,
    vocab: vocabulary,
    merges,
  }),
  type('Unigram').extend({
    unk_id: z.int().min(0),
    byte_fallback: z.literal(false).optional(),
    vocab: scored,
  }),
] as const;

const fileSchema = z.object({
  added_tokens: z
    .array(
      z.object({
        id: z
          .int()
          .min(0)
          .max(VOCABULARY_MAX - 1),
        content: z.string().min(1).max(ENTRY_CHARACTERS_MAX),
        single_word: z.literal(false).optional(),
        lstrip: flag,
        rstrip: flag,
        normalized: flag,
        special: flag,
      }),
    )
    .max(ADDED_TOKENS_MAX),
  truncation: z.looseObject({ max_length: z.int().min(1) }).nullish(),
  normalizer: z
    .discriminatedUnion('type', [
      ...normalizers,
      type('Sequence').extend({
        normalizers: z.array(z.discriminatedUnion('type', normalizers)).max(PARTS_MAX),
      }),
    ])
    .nullable(),
  pre_tokenizer: z
    .discriminatedUnion('type', [
      ...preTokenizers,
      type('Sequence').extend({
        pretokenizers: z.array(z.discriminatedUnion('type', preTokenizers)).max(PARTS_MAX),
      }),
    ])
    .nullable(),
  post_processor: z
    .discriminatedUnion('type', [
      ...postProcessors,
      type('Sequence').extend({
        processors: z.array(z.discriminatedUnion('type', postProcessors)).max(PARTS_MAX),
      }),
    ])
    .nullable(),
  model: z.discriminatedUnion('type', models),
});

/** The parts of a `tokenizer.json` that are used. */
export type TokenizerFile = z.infer<typeof fileSchema>;

/** Reads a `tokenizer.json`; @throws NanofleetError `TOKENIZER_UNSUPPORTED`, which names the part that is not taken */
export function parseTokenizer(bytes: Uint8Array): TokenizerFile {
  if (bytes.length > TOKENIZER_BYTES_MAX)
    throw refused(`it has ${bytes.length} bytes; at most ${TOKENIZER_BYTES_MAX} are taken`);
  const parsed = fileSchema.safeParse(jsonOf(bytes));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refused(
    `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not a tokenizer'}`,
    parsed.error,
  );
}

/**
 * The parts in the words of the library, where these mean something else there: its `Whitespace` knows only words of ASCII, and its
 * `Metaspace` has no `add_prefix_space`.
 */
export function libraryForm(file: TokenizerFile): object {
  const { pre_tokenizer: given } = file;
  const changed =
    given?.type === 'Sequence'
      ? { ...given, pretokenizers: given.pretokenizers.map(plain) }
      : given && plain(given);
  return { ...file, pre_tokenizer: changed, decoder: null };
}

type PreTokenizer = z.infer<(typeof preTokenizers)[number]>;

function plain(given: PreTokenizer): object {
  if (given.type === 'Whitespace')
    return { type: 'Split', pattern: { Regex: String.raw`\w+|[^\w\s]+` }, behavior: 'Removed', invert: true };
  if (given.type === 'Metaspace' && given.prepend_scheme === undefined)
    return { ...given, prepend_scheme: given.add_prefix_space === false ? 'never' : 'always' };
  return given;
}

/** One more than the greatest id that the tokenizer can give. */
export function vocabularySize({ added_tokens: added, model }: TokenizerFile): number {
  let greatest = model.type === 'Unigram' ? model.vocab.length - 1 : 0;
  if (model.type !== 'Unigram')
    for (const id of Object.values(model.vocab)) greatest = Math.max(greatest, id);
  return 1 + added.reduce((most, { id }) => Math.max(most, id), greatest);
}

/** How many special tokens stand before and after a text. */
export function specialTokens({ post_processor: given }: TokenizerFile): { before: number; after: number } {
  const parts = given?.type === 'Sequence' ? given.processors : given === null ? [] : [given];
  const count = { before: 0, after: 0 };
  for (const part of parts) {
    if (part.type === 'ByteLevel') continue;
    const items = part.type === 'TemplateProcessing' ? part.single.map((item) => 'Sequence' in item) : AROUND;
    const text = items.indexOf(true);
    count.before += text;
    count.after += items.length - 1 - text;
  }
  return count;
}

/** One special token on each side of the text. */
const AROUND = [false, true, false];

/** Id of what stands for an unknown word; null where every text can be cut into known pieces. */
export function unknownId({ model }: TokenizerFile): number | null {
  if (model.type === 'Unigram') return model.unk_id;
  const { unk_token: token } = model;
  return token === null || token === undefined ? null : (model.vocab[token] ?? null);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw refused('it is not JSON in UTF-8', cause);
  }
}

const refused = (why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('TOKENIZER_UNSUPPORTED', `The tokenizer.json was refused: ${why}.`, { cause });
