import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callForge } from '../testing/call-forge.ts';
import { writeSyntheticTexts } from '../text/synthetic-texts.ts';

let directory = '';
let recipe = '';
const at = (...path: string[]): string => join(directory, ...path);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
  recipe = (await writeSyntheticTexts(directory)).recipe;
  const { code, notes } = await callForge('run', recipe, '--data', directory, '--out', at('run'), '--json');
  assert.equal(code, 0, notes);
});
afterAll(async () => await rm(directory, { recursive: true }));

describe('forge run', () => {
  it('refuses a run directory that exists, and goes on with it when told to', async () => {
    const args = ['run', recipe, '--data', directory, '--out', at('run')];
    const refused = await callForge(...args);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.notes).toContain('--resume');
    const resumed = await callForge(...args, '--resume', '--json');
    expect(resumed.code).toBe(0);
    expect(JSON.parse(resumed.out)).toMatchObject({ directory: at('run', 'bundle') });
  });

  it('reports one line an epoch where there is no terminal', async () => {
    const { notes } = await callForge('run', recipe, '--data', directory, '--out', at('lines'));
    expect(notes.split('\n')).toHaveLength(8);
    expect(notes).toMatch(/synthetic seed 1 epoch 8\/8 loss \d/);
  });

  it('names file and field of a recipe that is wrong', async () => {
    await writeFile(
      at('bad.json'),
      '{"task": "text-intent", "name": "x", "network": {"kind": "bag", "buckets": 2}}',
    );
    const { code, notes } = await callForge('run', at('bad.json'), '--data', directory, '--out', at('bad'));
    expect(code).toBe(1);
    expect(notes).toMatch(/TRAINING_SET_INVALID: .*bad.json: network\.buckets/);
  });

  it('refuses a seed that is no number', async () => {
    const { code, notes } = await callForge(
      'run',
      recipe,
      '--data',
      directory,
      '--out',
      at('seed'),
      '--seed',
      'one',
    );
    expect(code).toBe(2);
    expect(notes).toContain('--seed must be a whole number');
  });
});

describe('forge eval', () => {
  it('prints figures of in-scope and out-of-scope texts as JSON', async () => {
    const { code, out } = await callForge(
      'eval',
      '--bundle',
      at('run', 'bundle'),
      '--data',
      at('validation.jsonl'),
      '--data',
      at('oos.jsonl'),
      '--json',
    );
    expect(code).toBe(0);
    const figures = JSON.parse(out) as Record<string, Record<string, number>>;
    expect(figures['inScope']).toMatchObject({ count: 32 });
    expect(figures['inScope']?.['accuracy']).toBeGreaterThan(0.9);
    expect(figures['outOfScope']?.['auroc']).toBeGreaterThan(0.7);
    expect(figures['latency']).toEqual({ p50: 500, p99: 500 });
  });

  it('leaves out-of-scope figures out where there is no such text', async () => {
    const { out } = await callForge(
      'eval',
      '--bundle',
      at('run', 'bundle'),
      '--data',
      at('validation.jsonl'),
      '--json',
    );
    expect(JSON.parse(out)).toMatchObject({ outOfScope: { count: 0, auroc: null, fpr95: null } });
  });

  it.each([
    ['{"text": "play a song"', 'not JSON'],
    ['{"text": "play a song"}', 'intent'],
    ['{"text": 5, "intent": "music"}', 'text'],
    ['{"text": "play a song", "intent": "polka"}', 'intent polka'],
    ['{"text": "   ", "intent": "music"}', 'blank'],
  ])('names the line of %s', async (line, problem) => {
    await writeFile(at('broken.jsonl'), `{"text": "play a song", "intent": "music"}\n\n${line}\n`);
    const { code, notes } = await callForge(
      'eval',
      '--bundle',
      at('run', 'bundle'),
      '--data',
      at('broken.jsonl'),
      '--json',
    );
    expect(code).toBe(1);
    const { error } = JSON.parse(notes) as { error: { code: string; message: string; line: number } };
    expect(error).toMatchObject({ code: 'TRAINING_SET_INVALID', line: 3 });
    expect(error.message).toContain(problem);
  });

  it('says what is missing', async () => {
    expect((await callForge('eval', '--bundle', at('run', 'bundle'))).notes).toContain('--data is missing');
    expect((await callForge('eval', '--bundle', at('nowhere'), '--data', at('oos.jsonl'))).notes).toContain(
      'BUNDLE_FILE_MISSING',
    );
    expect(
      (await callForge('eval', '--bundle', at('run', 'bundle'), '--data', at('nofile.jsonl'))).notes,
    ).toContain('could not read');
  });
});

describe('forge', () => {
  it('checks and describes a bundle', async () => {
    const { out } = await callForge('inspect', at('run', 'bundle'));
    expect(out).toContain('intent 0.0.1 (release 1)');
    expect(out).toContain('infer.int8.onnx');
  });

  it('refuses a bundle whose file was changed', async () => {
    const { code } = await callForge('run', recipe, '--data', directory, '--out', at('changed'));
    expect(code).toBe(0);
    await writeFile(at('changed', 'bundle', 'golden.json'), '{}');
    expect((await callForge('inspect', at('changed', 'bundle'))).notes).toContain('DIGEST_MISMATCH');
  });

  it('has help for itself and each command, and refuses other commands', async () => {
    expect(await callForge('--help')).toMatchObject({ code: 0 });
    for (const name of ['run', 'eval', 'inspect'])
      expect((await callForge(name, '--help')).out).toContain(`forge ${name}`);
    expect(await callForge('bake')).toMatchObject({ code: 2 });
    expect(await callForge()).toMatchObject({ code: 2 });
  });
});
