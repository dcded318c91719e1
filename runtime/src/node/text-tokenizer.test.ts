// Behaviour of cutting texts by a tokenizer.json: what the parts of the file mean, and what no text and no file can make of it.
import { VOCABULARY_MAX } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { TextTokenizer } from './text-tokenizer.ts';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];
const vocabularyOf = (words: readonly string[]) =>
  Object.fromEntries([...special, ...words].map((word, id) => [word, id]));
const LIMITS = { tokensMax: 8, vocabulary: 64 };

const wordPiece = (words: readonly string[], change: object = {}): object => ({
  added_tokens: special.map((content, id) => ({ id, content, special: true })),
  normalizer: { type: 'BertNormalizer', lowercase: true, clean_text: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    vocab: vocabularyOf(words),
  },
  ...change,
});

const open = (file: object, limits = LIMITS): Promise<TextTokenizer> =>
  TextTokenizer.open(new TextEncoder().encode(JSON.stringify(file)), limits);
const idsOf = (tokenizer: TextTokenizer, text: string): number[] =>
  Array.from(tokenizer.of(text).ids, Number);

describe('TextTokenizer', () => {
  it('cuts words into pieces between special tokens', async () => {
    const tokenizer = await open(wordPiece(['un', '##able', 'go']));
    expect(idsOf(tokenizer, 'Unable? GO')).toEqual([2, 4, 5, 1, 6, 3]);
    expect(tokenizer.of('Unable? GO').known).toBe(3);
    expect(tokenizer.of('¿?').known).toBe(0);
  });

  it('keeps the closing special token of a text that is too long', async () => {
    const tokenizer = await open(wordPiece(['go']));
    expect(idsOf(tokenizer, 'go '.repeat(1_000))).toEqual([2, 4, 4, 4, 4, 4, 4, 3]);
  });

  it('gives at least one id, also for a text of nothing', async () => {
    const bare = wordPiece(['go'], { post_processor: null });
    expect(idsOf(await open(bare), '\u200b')).toEqual([1]);
  });

  it('merges bytes as GPT-2 does', async () => {
    const vocab = Object.fromEntries(
      ['l', 'o', 'w', 'lo', 'low', 'Ġ', 'Ġlow'].map((piece, id) => [piece, id]),
    );
    const file = {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
      post_processor: { type: 'ByteLevel' },
      model: { type: 'BPE', vocab, merges: ['l o', 'lo w', 'Ġ low'], unk_token: null },
    };
    expect(idsOf(await open(file), 'low low')).toEqual([4, 6]);
  });

  it('takes the pieces of Unigram with the greatest sum of scores', async () => {
    const vocab = [
      ['<unk>', 0],
      ['▁', -3],
      ['▁go', -2],
      ['▁goa', -9],
      ['l', -3],
      ['al', -2.5],
      ['a', -3],
    ];
    const file = {
      added_tokens: [],
      normalizer: { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', add_prefix_space: true },
      post_processor: null,
      model: { type: 'Unigram', unk_id: 0, vocab },
    };
    expect(idsOf(await open(file), 'goal  go')).toEqual([2, 5, 2]);
  });

  it('holds letters with accents for parts of words', async () => {
    const file = wordPiece(['café'], { normalizer: null, pre_tokenizer: { type: 'Whitespace' } });
    expect(idsOf(await open(file), 'café!')).toEqual([2, 4, 1, 3]);
  });

  it.each<[string, object, string]>([
    [
      'a regular expression of its own',
      { pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+' }, behavior: 'Isolated' } },
      'pre_tokenizer',
    ],
    [
      'a normalizer that makes texts grow',
      { normalizer: { type: 'Replace', pattern: { String: 'a' }, content: 'aaaa' } },
      'takes away',
    ],
    [
      'a template that repeats the text',
      {
        post_processor: {
          type: 'TemplateProcessing',
          single: Array.from({ length: 2 }, () => ({ Sequence: { id: 'A', type_id: 0 } })),
        },
      },
      'must hold the text once',
    ],
    [
      'words of any length',
      {
        model: {
          type: 'WordPiece',
          unk_token: '[UNK]',
          continuing_subword_prefix: '##',
          max_input_chars_per_word: 100_000,
          vocab: vocabularyOf(['a']),
        },
      },
      'max_input_chars_per_word',
    ],
    ['an id beyond all bounds', { added_tokens: [{ id: VOCABULARY_MAX, content: 'x' }] }, 'added_tokens'],
    ['an id that the graph does not take', { added_tokens: [{ id: 64, content: 'x' }] }, 'below 64'],
    ['an unknown kind of model', { model: { type: 'WordLevel', vocab: {} } }, 'model'],
  ])('refuses %s', async (_, change, why) => {
    const opened = open(wordPiece(['a'], change));
    await expect(opened).rejects.toMatchObject({ code: 'TOKENIZER_UNSUPPORTED' });
    await expect(opened).rejects.toThrow(why);
  });
});
