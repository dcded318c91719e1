// What corpus/README.md states of the corpus: counts, labels, parts that share no sentence and no near duplicate.
// Comparing it with public data sets needs those; the bench `learn` does that.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const NEAR_DUPLICATE = 0.75;
const exampleSchema = z.strictObject({
  text: z.string(),
  intent: z.string(),
  part: z.enum(['device', 'controller', 'test']),
  home: z.int().min(1).max(4).optional(),
});
type Example = z.infer<typeof exampleSchema>;

function textOf(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

function linesOf(path: string): unknown[] {
  return textOf(path)
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

const FILES = { device: 'devices', controller: 'controller', test: 'test' } as const;
const partOf = (part: keyof typeof FILES): Example[] =>
  linesOf(`corpus/${FILES[part]}.jsonl`).map((line) => exampleSchema.parse(line));
const parts = { device: partOf('device'), controller: partOf('controller'), test: partOf('test') };
const all = [...parts.device, ...parts.controller, ...parts.test];

const known = new Set(
  z
    .object({ labels: z.object({ names: z.array(z.string()) }) })
    .parse(JSON.parse(textOf('bundles/household-2/manifest.json'))).labels.names,
);
const fresh = [...new Set(all.map(({ intent }) => intent))].filter(
  (intent) => intent !== 'oos' && !known.has(intent),
);

const normalised = (text: string): string =>
  (
    text
      .toLowerCase()
      .replaceAll("'", '')
      .match(/[a-z0-9]+/g) ?? []
  ).join(' ');
const count = (examples: readonly Example[], intent: string): number =>
  examples.filter((example) => example.intent === intent).length;

// Each test lists what breaks a rule, so that a failure names it.
describe('the corpus', () => {
  it('has 1,500 held-out sentences of old intents, every intent in both parts', () => {
    const heldOut = [...parts.controller, ...parts.test];
    expect(heldOut.filter(({ intent }) => known.has(intent)).length).toBeGreaterThanOrEqual(1_500);
    expect([...known].filter((intent) => count(parts.controller, intent) < 3)).toEqual([]);
    expect([...known].filter((intent) => count(parts.test, intent) < 5)).toEqual([]);
  });

  it('has ten new intents with 60 sentences each, in every part and every home', () => {
    expect(fresh).toHaveLength(10);
    expect(fresh.filter((intent) => count(all, intent) < 60)).toEqual([]);
    for (const part of Object.values(parts))
      expect(fresh.filter((intent) => count(part, intent) < 12)).toEqual([]);
    expect(fresh.filter((intent) => homesOf(intent).size !== 4)).toEqual([]);
  });

  it('has 300 sentences out of scope, none of them on a device', () => {
    expect(count(all, 'oos')).toBeGreaterThanOrEqual(300);
    expect(count(parts.device, 'oos')).toBe(0);
  });

  it('states the part in every line, and the home in those of devices', () => {
    const wrong = Object.entries(parts).flatMap(([part, examples]) =>
      examples.filter(
        (example) => example.part !== part || (example.home !== undefined) !== (part === 'device'),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('says no sentence twice, and none of the story', () => {
    const seen = new Set(
      linesOf('start/story/utterances.jsonl').map((line) =>
        normalised(z.object({ text: z.string() }).parse(line).text),
      ),
    );
    const again = all.filter(({ text }) => seen.size === seen.add(normalised(text)).size);
    expect(again).toEqual([]);
  });

  it('has sentences of 2 to 18 words', () => {
    const words = (text: string): number => text.split(' ').length;
    expect(all.filter(({ text }) => words(text) < 2 || words(text) > 18)).toEqual([]);
  });

  it('has no near duplicate in another part', () => {
    const words = all.map(({ text, part }) => ({ text, part, set: new Set(normalised(text).split(' ')) }));
    const near = words.flatMap((one, at) =>
      words
        .slice(at + 1)
        .filter((other) => one.part !== other.part && isNear(one.set, other.set))
        .map((other) => [one.text, other.text]),
    );
    expect(near).toEqual([]);
  });
});

function homesOf(intent: string): Set<number | undefined> {
  return new Set(parts.device.filter((example) => example.intent === intent).map(({ home }) => home));
}

function isNear(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  // Sets of very different size cannot be near, and most pairs end here.
  if (Math.min(one.size, other.size) < NEAR_DUPLICATE * Math.max(one.size, other.size)) return false;
  let common = 0;
  for (const word of one) if (other.has(word)) common += 1;
  return common >= NEAR_DUPLICATE * (one.size + other.size - common);
}
