// The command `forge robustness` from arguments to figures, on a shipped bundle.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DISTURBANCES } from '../robustness/disturbances.ts';
import type { Robustness } from '../robustness/robustness.ts';
import { callForge } from '../testing/call-forge.ts';

const BUNDLE = fileURLToPath(new URL('../../../bundles/nano-s', import.meta.url));
const EXAMPLES = [
  ["what's the weather in paris", 'weather'],
  ['set an alarm for 7 am', 'alarm'],
  ['how do you say thank you in spanish', 'translate'],
  ['what is my bank balance', 'balance'],
  ['order the fifth novel of some author nobody knows', 'oos'],
];
let directory = '';
let data = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-robustness-'));
  data = join(directory, 'texts.jsonl');
  await writeFile(data, EXAMPLES.map(([text, intent]) => JSON.stringify({ text, intent })).join('\n'));
});
afterAll(async () => await rm(directory, { recursive: true }));

describe('forge robustness', () => {
  it('gives figures of clean texts first, then of every disturbance, the same for the same seed', async () => {
    const args = ['--bundle', BUNDLE, '--data', data, '--seed', '7', '--json'];
    const { code, out } = await callForge('robustness', ...args);
    const { rows, ...facts } = JSON.parse(out) as Robustness;
    expect(code).toBe(0);
    expect(facts).toMatchObject({ seed: 7, inScope: 4, outOfScope: 1 });
    expect(rows.map(({ disturbance }) => disturbance)).toEqual([
      'clean',
      ...DISTURBANCES.map(({ name }) => name),
    ]);
    expect(rows[0]).toMatchObject({ changed: 0, accuracy: { value: 1, high: 1 }, accuracyChange: 0 });
    for (const { accuracy } of rows) expect(accuracy?.low).toBeLessThanOrEqual(accuracy?.value ?? -1);
    expect((await callForge('robustness', ...args)).out).toBe(out);
  });

  it('finds that the model does not see casing', async () => {
    const { out } = await callForge('robustness', '--bundle', BUNDLE, '--data', data, '--json');
    const { rows } = JSON.parse(out) as Robustness;
    const [clean, ...cased] = rows.filter(({ disturbance }) => /clean|case/i.test(disturbance));
    expect(cased).toHaveLength(3);
    for (const { disturbance: _, changed, ...figures } of cased) {
      expect(changed).toBe(1);
      expect(clean).toMatchObject(figures);
    }
  });

  it('prints a table, with a dash where there is no text of that kind', async () => {
    await writeFile(join(directory, 'one.jsonl'), JSON.stringify({ text: 'hello', intent: 'greeting' }));
    const { out } = await callForge('robustness', '--bundle', BUNDLE, '--data', join(directory, 'one.jsonl'));
    expect(out).toMatch(/^clean +0 % +\d/m);
    expect(out).toMatch(/^1 character edit +100 % .* -$/m);
  });

  it('says what is missing', async () => {
    expect((await callForge('robustness', '--bundle', BUNDLE)).notes).toContain('--data is missing');
    expect((await callForge('robustness', '--data', data)).notes).toContain('--bundle is missing');
  });
});
