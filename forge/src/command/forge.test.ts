import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSyntheticTexts } from '../text/synthetic-texts.ts';
import { forge } from './forge.ts';

let directory = '';
let recipe = '';
const at = (...path: string[]): string => join(directory, ...path);

async function call(...args: string[]): Promise<{ code: number; out: string; notes: string }> {
  const out: string[] = [];
  const notes: string[] = [];
  let now = 0;
  const code = await forge(args, {
    out: (line) => out.push(line),
    note: (line) => notes.push(line),
    redraw: () => undefined,
    isTerminal: false,
    nowMs: () => (now += 0.5),
  });
  return { code, out: out.join('\n'), notes: notes.join('\n') };
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
  recipe = (await writeSyntheticTexts(directory)).recipe;
  const { code, notes } = await call('run', recipe, '--data', directory, '--out', at('run'), '--json');
  assert.equal(code, 0, notes);
});
afterAll(async () => await rm(directory, { recursive: true }));

describe('forge run', () => {
  it('refuses a run directory that exists, and goes on with it when told to', async () => {
    const args = ['run', recipe, '--data', directory, '--out', at('run')];
    const refused = await call(...args);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.notes).toContain('--resume');
    const resumed = await call(...args, '--resume', '--json');
    expect(resumed.code).toBe(0);
    expect(JSON.parse(resumed.out)).toMatchObject({ directory: at('run', 'bundle') });
  });

  it('reports one line an epoch where there is no terminal', async () => {
    const { notes } = await call('run', recipe, '--data', directory, '--out', at('lines'));
    expect(notes.split('\n')).toHaveLength(8);
    expect(notes).toMatch(/synthetic seed 1 epoch 8\/8 loss \d/);
  });

  it('names file and field of a recipe that is wrong', async () => {
    await writeFile(
      at('bad.json'),
      '{"task": "text-intent", "name": "x", "network": {"kind": "bag", "buckets": 2}}',
    );
    const { code, notes } = await call('run', at('bad.json'), '--data', directory, '--out', at('bad'));
    expect(code).toBe(1);
    expect(notes).toMatch(/TRAINING_SET_INVALID: .*bad.json: network\.buckets/);
  });

  it('refuses a seed that is no number', async () => {
    const { code, notes } = await call(
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
    const { code, out } = await call(
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
    const { out } = await call(
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
    const { code, notes } = await call(
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
    expect((await call('eval', '--bundle', at('run', 'bundle'))).notes).toContain('--data is missing');
    expect((await call('eval', '--bundle', at('nowhere'), '--data', at('oos.jsonl'))).notes).toContain(
      'BUNDLE_FILE_MISSING',
    );
    expect(
      (await call('eval', '--bundle', at('run', 'bundle'), '--data', at('nofile.jsonl'))).notes,
    ).toContain('could not read');
  });
});

describe('forge', () => {
  it('checks and describes a bundle', async () => {
    const { out } = await call('inspect', at('run', 'bundle'));
    expect(out).toContain('intent 0.0.1 (release 1)');
    expect(out).toContain('infer.int8.onnx');
  });

  it('refuses a bundle whose file was changed', async () => {
    const { code } = await call('run', recipe, '--data', directory, '--out', at('changed'));
    expect(code).toBe(0);
    await writeFile(at('changed', 'bundle', 'golden.json'), '{}');
    expect((await call('inspect', at('changed', 'bundle'))).notes).toContain('DIGEST_MISMATCH');
  });

  it('has help for itself and each command, and refuses other commands', async () => {
    expect(await call('--help')).toMatchObject({ code: 0 });
    for (const name of ['run', 'eval', 'inspect'])
      expect((await call(name, '--help')).out).toContain(`forge ${name}`);
    expect(await call('bake')).toMatchObject({ code: 2 });
    expect(await call()).toMatchObject({ code: 2 });
  });
});
