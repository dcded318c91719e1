// The command `forge calibrate` from arguments to the new bundle, on a bundle that a synthetic recipe made.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectBundle } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callForge } from '../testing/call-forge.ts';
import { writeSyntheticTexts } from '../text/synthetic-texts.ts';

let directory = '';
let recipe = '';
let bundle = '';
const at = (...path: string[]): string => join(directory, ...path);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-calibrate-'));
  recipe = (await writeSyntheticTexts(directory)).recipe;
  const { code, notes } = await callForge('run', recipe, '--data', directory, '--out', at('run'), '--json');
  assert.equal(code, 0, notes);
  bundle = at('run', 'bundle');
});
afterAll(async () => await rm(directory, { recursive: true }));

const calibrated = async (out: string, ...more: string[]) =>
  await callForge('calibrate', bundle, '--recipe', recipe, '--data', directory, '--out', at(out), ...more);

// 32 validation and 12 out-of-scope texts show little: with none against it, at most 13 % and 36 %.
const WIDE = ['--wrong-kept', '0.25', '--out-of-scope-kept', '0.9'];

describe('forge calibrate', () => {
  it('gives the very manifest and card of the run where nothing is asked for', async () => {
    expect(await calibrated('same')).toMatchObject({ code: 0 });
    const [before, after] = [await inspectBundle(bundle), await inspectBundle(at('same'))];
    expect(after.manifest).toEqual(before.manifest);
    const card = await readFile(join(bundle, 'CARD.md'), 'utf8');
    expect(await readFile(at('same', 'CARD.md'), 'utf8')).toBe(card.replace(before.digest, after.digest));
  });

  it('gives a bundle with a bound and the same weights, whose card states it with its counts', async () => {
    const { code, out } = await calibrated('bound', ...WIDE, '--json');
    const made = JSON.parse(out) as { digest: string; bound: { certifiedWith: { inScopeKept: number } } };
    const [before, after] = [await inspectBundle(bundle), await inspectBundle(at('bound'))];
    expect(code).toBe(0);
    expect(made).toMatchObject({ digest: after.digest, bound: after.manifest.thresholds.bound });
    expect(after.manifest.thresholds.bound).toMatchObject({
      wrongKept: 0.25,
      outOfScopeKept: 0.9,
      delta: 0.1,
    });
    expect(after.manifest.files).toEqual(before.manifest.files);
    const card = await readFile(at('bound', 'CARD.md'), 'utf8');
    expect(card).toContain(after.digest);
    expect(card).not.toContain(before.digest);
    expect(card).toContain(`of ${made.bound.certifiedWith.inScopeKept} in-scope texts kept`);
    expect(card).toContain('at most 25.00 % of the in-scope answers');
    expect(card).not.toContain('No bound is promised');
  });

  it('makes a further release the child of the bundle', async () => {
    const release = ['--version', '0.0.2', '--release-counter', '2'];
    const { out } = await calibrated('further', ...WIDE, ...release);
    const { manifest } = await inspectBundle(at('further'));
    const { digest } = await inspectBundle(bundle);
    expect(manifest).toMatchObject({ version: '0.0.2', releaseCounter: 2, parent: digest });
    expect(await readFile(at('further', 'CARD.md'), 'utf8')).toContain('# intent 0.0.2 (release 2)');
    expect(out).toMatch(
      /certified with +\d+ wrong of \d+ in-scope texts kept, \d+ of 12 out-of-scope texts kept/,
    );
  });

  it('makes no bundle where the texts do not show the bound', async () => {
    const { code, notes } = await calibrated('narrow', '--wrong-kept', '0.01');
    expect(code).toBe(1);
    expect(notes).toMatch(
      /TRAINING_SET_INVALID: .*wrong among kept in-scope texts: \d+ of \d+ show at most 0\.\d+, not 0\.01/,
    );
    expect(existsSync(at('narrow'))).toBe(false);
  });

  it.each([
    ['a share beyond 1', ['--wrong-kept', '2'], /--wrong-kept must be a share above 0 and below 1, .* not 2/],
    [
      'half of the further texts',
      ['--next-in-scope', '9'],
      /--next-in-scope and --next-out-of-scope go together/,
    ],
    ['half of a release', ['--version', '2.0.0'], /--version and --release-counter go together/],
    ['a bound and none', ['--delta', '0.1', '--no-bound'], /contradict each other/],
  ])('refuses %s', async (_, more, message) => {
    const { code, notes } = await calibrated('wrong', ...more);
    expect(code).toBe(2);
    expect(notes).toMatch(message);
    expect(existsSync(at('wrong'))).toBe(false);
  });

  it('refuses to overwrite', async () => {
    const { code, notes } = await calibrated('run');
    expect(code).toBe(2);
    expect(notes).toContain('exists already');
  });

  it('refuses a recipe with other labels, and texts that the bundle was not judged with', async () => {
    await mkdir(at('other'));
    await copyFile(at('oos.jsonl'), at('other', 'oos.jsonl'));
    const train = await readFile(at('train.jsonl'), 'utf8');
    await writeFile(at('other', 'train.jsonl'), train.replaceAll('"timer"', '"tea"'));
    const from = (data: string) =>
      callForge('calibrate', bundle, '--recipe', recipe, '--data', data, '--out', at('refused'));
    const validation = await readFile(at('validation.jsonl'), 'utf8');
    await writeFile(at('other', 'validation.jsonl'), validation.replaceAll('"timer"', '"tea"'));
    expect((await from(at('other'))).notes).toMatch(/the first that differs is number 3: timer and tea/);
    await writeFile(at('other', 'train.jsonl'), train);
    await writeFile(at('other', 'validation.jsonl'), validation.replaceAll('"timer"', '"music"'));
    expect((await from(at('other'))).notes).toMatch(
      /decides .* % of the validation texts .* its manifest states/,
    );
    expect(existsSync(at('refused'))).toBe(false);
  });
});
