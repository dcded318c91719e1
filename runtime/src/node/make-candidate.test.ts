// A candidate of a real bundle, judged on sentences that are harder than the ones that the bundle was calibrated on.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { headOf } from '../learning/head.ts';
import { fileOf, makeCandidate } from './make-candidate.ts';
import { inspectBundle } from './verify-bundle.ts';

const root = new URL('../../../', import.meta.url);
const exampleSchema = z.object({ text: z.string(), intent: z.string() });
const examples = readFileSync(new URL('corpus/controller.jsonl', root), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => exampleSchema.parse(JSON.parse(line)));

describe('makeCandidate', () => {
  it('lets a candidate answer by itself as much as its parent, however hard the examples are', async () => {
    const parent = await inspectBundle(fileURLToPath(new URL('bundles/intent-2', root)));
    const { accuracy, changedShare } = await makeCandidate({
      parent,
      head: headOf(fileOf(parent, 'infer.int8')),
      labels: { version: 1, added: [] },
      examples,
      release: { version: '2.0.0-test', counter: 3 },
      breathe: () => Promise.resolve(),
    });
    const { before, after } = accuracy;
    expect(changedShare).toBe(0);
    expect(after.old).toBe(before.old);
    // The parent is sure of nine in ten sentences like those of its training, and of fewer of these.
    expect(before.sure).toBeLessThan(0.8);
    expect(Math.abs((after.sure ?? 0) - (before.sure ?? 0))).toBeLessThan(0.06);
    expect(after.outOfScope).toBeGreaterThan((before.outOfScope ?? 0) - 0.06);
  });
});
