// Behaviour of a whole run: from marked texts to a bundle whose decisions carry entities with their values.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callForge } from '../testing/call-forge.ts';

const AREAS = ['kitchen', 'hall', 'living room', 'attic', 'bath'];
const LEVELS = ['ten', 'forty five', '20', '75'];

function markedLines(count: number, first: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const turn = first + index * 7;
    const area = AREAS[turn % AREAS.length] ?? '';
    const level = LEVELS[turn % LEVELS.length] ?? '';
    if (turn % 3 === 0) {
      const text = `how warm is it in the ${area}`;
      return { text, intent: 'ask', slots: [[22, 22 + area.length, 'area']] };
    }
    const text = `dim the ${area} to ${level} percent`;
    const from = 8 + area.length + 4;
    return {
      text,
      intent: 'dim',
      slots: [
        [8, 8 + area.length, 'area'],
        [from, from + level.length, 'level'],
      ],
    };
  });
  return lines.map((line) => JSON.stringify(line)).join('\n');
}

const RECIPE = {
  task: 'text-intent',
  name: 'small',
  network: {
    kind: 'tagger',
    buckets: 512,
    charMin: 2,
    charMax: 3,
    width: 16,
    hidden: 16,
    channels: 16,
    convolutions: [{ taps: 3 }],
  },
  entities: { values: { level: 'number', area: 'area' } },
  training: { epochs: 6, batchSize: 16, warmUpSteps: 5, learningRate: 0.02, dropout: 0.1 },
  data: { annotated: ['train.jsonl'], validation: { file: 'validation.jsonl' } },
  bundle: {
    line: 'intent',
    version: '0.0.1',
    releaseCounter: 1,
    dataset: 'made up',
    license: 'Apache-2.0',
    about: 'Made for a test.',
  },
};

let directory = '';
const at = (...path: string[]): string => join(directory, ...path);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
  await writeFile(at('train.jsonl'), markedLines(150, 0));
  await writeFile(at('validation.jsonl'), markedLines(20, 1001).replaceAll('how warm', 'how cold'));
  await writeFile(at('recipe.json'), JSON.stringify(RECIPE));
  const { code, notes } = await callForge('run', at('recipe.json'), '--data', directory, '--out', at('run'));
  assert.equal(code, 0, notes);
});
afterAll(async () => await rm(directory, { recursive: true }));

describe('forge run of a recipe with entities', () => {
  it('makes a bundle that finds intent and entities with their values', async () => {
    const runner = await loadTextRunner(await inspectBundle(at('run', 'bundle')));
    const { label, entities } = await runner.decide('Dim the Living Room to forty five percent');
    await runner.release();
    expect(label).toBe('dim');
    expect(entities).toEqual([
      { type: 'area', start: 8, end: 19 },
      { type: 'level', start: 23, end: 33, value: { kind: 'number', number: 45 } },
    ]);
  });

  it('goes on with a finished run and makes the same bundle', async () => {
    const before = await inspectBundle(at('run', 'bundle'));
    const again = await callForge(
      'run',
      at('recipe.json'),
      '--data',
      directory,
      '--out',
      at('run'),
      '--resume',
    );
    expect(again.code).toBe(0);
    const after = await inspectBundle(at('run', 'bundle'));
    expect(after.files).toEqual(before.files);
  });

  it.each([
    ['{"text": "dim", "intent": "dim"}', 'slots'],
    ['{"text": "dim", "intent": "dim", "slots": [[1, 9, "area"]]}', 'does not lie in the text'],
    ['{"text": "dim it", "intent": "dim", "slots": [[0, 4, "area"], [2, 6, "area"]]}', 'overlaps'],
    ['{"text": "dim"', 'not JSON'],
  ])('names the line of %s', async (line, problem) => {
    await writeFile(at('broken.jsonl'), `${markedLines(1, 1)}\n${line}\n`);
    const broken = { ...RECIPE, data: { ...RECIPE.data, annotated: ['broken.jsonl'] } };
    await writeFile(at('broken.json'), JSON.stringify(broken));
    const { code, notes } = await callForge(
      'run',
      at('broken.json'),
      '--data',
      directory,
      '--out',
      at('broken'),
      '--json',
    );
    expect(code).toBe(1);
    const { error } = JSON.parse(notes) as { error: { code: string; message: string; line: number } };
    expect(error).toMatchObject({ code: 'TRAINING_SET_INVALID', line: 2 });
    expect(error.message).toContain(problem);
  });

  it('learns intents of texts without marks, and what belongs to none, beside the marked ones', async () => {
    const lines = (intent: string, words: readonly string[]) =>
      words.map((text) => JSON.stringify({ text, intent })).join('\n');
    const jokes = [
      'tell me a joke',
      'say something funny',
      'make me laugh',
      'a joke please',
      'know any jokes',
    ];
    const strange = ['who won the war', 'what do whales eat', 'why is the sky blue', 'name a river in peru'];
    await writeFile(at('labelled.jsonl'), `${lines('joke', jokes)}\n${lines('dropped', ['drop this'])}`);
    await writeFile(at('judged.jsonl'), lines('joke', ['tell me a funny joke', 'a joke now']));
    await writeFile(at('strange.jsonl'), lines('oos', strange));
    await mkdir(at('none'));
    await mkdir(at('lists'));
    await writeFile(
      at('none', 'facts.txt'),
      '(who|what) (won|lost) the (war|game|race)\nwhy is the (sky|sea) (blue|green)\n',
    );
    const data = {
      ...RECIPE.data,
      intents: { ask: 'ask_temperature' },
      labelled: [{ file: 'labelled.jsonl', without: ['dropped'], unmarked: [] }],
      outOfScopeGrammars: [{ folder: 'none', lists: 'lists', perLabel: 20, share: 0.5 }],
      validation: { ...RECIPE.data.validation, labelled: 'judged.jsonl' },
      outOfScopeTuning: ['strange.jsonl'],
      outOfScopeReport: ['strange.jsonl'],
      heldOut: ['judged.jsonl'],
    };
    const training = { ...RECIPE.training, stepsPerEpoch: 20 };
    const entities = { ...RECIPE.entities, transitions: 'learned' };
    await writeFile(at('mixed.json'), JSON.stringify({ ...RECIPE, name: 'mixed', entities, training, data }));
    const made = await callForge('run', at('mixed.json'), '--data', directory, '--out', at('mixed'));
    expect(made.notes).not.toContain('TRAINING_SET_INVALID');
    const bundle = await inspectBundle(at('mixed', 'bundle'));
    expect(bundle.manifest.labels.names).toEqual(['ask_temperature', 'dim', 'joke']);
    expect(bundle.manifest.quality[0]?.auroc).toBeGreaterThan(0.5);
    const runner = await loadTextRunner(bundle);
    expect(await runner.decide('tell me a joke')).toMatchObject({ label: 'joke', entities: [] });
    expect((await runner.decide('dim the hall to 20 percent')).entities).toHaveLength(2);
    assert(bundle.manifest.task === 'text-intent');
    expect(new Set(Buffer.from(bundle.manifest.entities?.transitions ?? '', 'base64')).size).toBeGreaterThan(
      6,
    );
    await runner.release();
  });

  it('keeps a bound that the recipe states, or makes no bundle', async () => {
    const strange = ['won', 'lost', 'painted', 'sold', 'saw'].flatMap((did) =>
      ['war', 'sea', 'ferry', 'fence'].map((what) => ({ text: `who ${did} the ${what}`, intent: 'oos' })),
    );
    await writeFile(at('odd.jsonl'), strange.map((line) => JSON.stringify(line)).join('\n'));
    await cp(at('run'), at('bound'), { recursive: true });
    const data = { ...RECIPE.data, outOfScopeTuning: ['odd.jsonl'] };
    const stated = async (bound: object) => {
      const bundle = { ...RECIPE.bundle, bound };
      await writeFile(at('bound.json'), JSON.stringify({ ...RECIPE, data, bundle }));
      return await callForge('run', at('bound.json'), '--data', directory, '--out', at('bound'), '--resume');
    };
    const wide = { wrongKept: 0.9, outOfScopeKept: 0.95 };
    expect((await stated(wide)).notes).not.toContain('TRAINING_SET_INVALID');
    const { manifest } = await inspectBundle(at('bound', 'bundle'));
    expect(manifest.thresholds.bound).toMatchObject({ ...wide, certifiedWith: { outOfScope: 20 } });
    const narrow = await stated({ ...wide, outOfScopeKept: 0.1 });
    expect(narrow.code).toBe(1);
    expect(narrow.notes).toMatch(/out-of-scope texts kept: \d+ of 20 show at most \d\.\d+, not 0\.1/);
  });

  it('names the field of a recipe that is wrong', async () => {
    await writeFile(at('wrong.json'), JSON.stringify({ ...RECIPE, network: { kind: 'tagger' } }));
    const { code, notes } = await callForge(
      'run',
      at('wrong.json'),
      '--data',
      directory,
      '--out',
      at('wrong'),
    );
    expect(code).toBe(1);
    expect(notes).toMatch(/TRAINING_SET_INVALID: .*wrong.json: network\.buckets/);
  });
});
