import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { NanofleetError } from '@nanofleet/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLabelledTexts, readTexts } from './labelled-texts.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
});
afterAll(async () => await rm(directory, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

describe('readLabelledTexts', () => {
  it('skips blank lines and keeps the numbers of the others', async () => {
    const path = await file(
      'a.jsonl',
      '\n{"text": "hi", "intent": "greeting", "home": 1}\r\n\n{"text": "bye", "intent": "goodbye"}',
    );
    expect(await readLabelledTexts(path)).toEqual([
      { text: 'hi', label: 'greeting', line: 2 },
      { text: 'bye', label: 'goodbye', line: 4 },
    ]);
  });

  it('gives examples or an error with a code for any content, and never quotes the text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.uint8Array()),
        async (content) => {
          const path = await file('any.jsonl', content);
          const outcome = await readLabelledTexts(path).catch((thrown: unknown) => thrown);
          expect(outcome instanceof NanofleetError || (Array.isArray(outcome) && outcome.length > 0)).toBe(
            true,
          );
        },
      ),
      { seed: 11, numRuns: 60 },
    );
    const secret = await file('secret.jsonl', '{"text": "my card is 4111", "intent": 5}');
    await expect(readLabelledTexts(secret)).rejects.toThrow(/^(?!.*4111).*line 1: intent/);
  });
});

describe('readTexts', () => {
  it('reads lines and the texts of JSONL, packed or not', async () => {
    expect(await readTexts(await file('lines.txt.gz', gzipSync('one two\n\nthree\n')))).toEqual([
      'one two',
      'three',
    ]);
    expect(
      await readTexts(await file('texts.jsonl', '{"text": "one"}\n{"text": "two", "intent": "x"}')),
    ).toEqual(['one', 'two']);
  });

  it('names the line whose text is missing', async () => {
    const path = await file('missing.jsonl', '{"text": "one"}\n{"txt": "two"}\n7');
    await expect(readTexts(path)).rejects.toMatchObject({ code: 'TRAINING_SET_INVALID', facts: { line: 2 } });
  });
});
