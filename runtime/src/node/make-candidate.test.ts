// A candidate of a real bundle, judged on sentences that are harder than the ones that the bundle was calibrated on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BundleFile, fileOfRole, WIRE_FORM, wireOf } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { grownHead, headOf } from '../learning/head.ts';
import { packedForm } from '../testing/packed-form.ts';
import { expandFile } from '../wire/wire-file.ts';
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
    const parent = await inspectBundle(fileURLToPath(new URL('bundles/household-2', root)));
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
    // The parent is sure of 95 in a hundred sentences like those of its training, and of fewer of these.
    expect(before.sure).toBeLessThan(0.9);
    expect(Math.abs((after.sure ?? 0) - (before.sure ?? 0))).toBeLessThan(0.06);
    expect(after.outOfScope).toBeGreaterThan((before.outOfScope ?? 0) - 0.06);
  });

  it('makes a candidate that travels in few bits of a parent that does, and is what that expands to', async () => {
    const whole = await inspectBundle(fileURLToPath(new URL('bundles/nano-s', root)));
    const grids = whole.manifest.quantization;
    const { graph, wire, quantization } = packedForm(fileOf(whole, 'infer.int8'), { grids, bits: 4 });
    const states = (file: BundleFile): BundleFile => ({
      ...file,
      ...stated(graph),
      wire: { form: WIRE_FORM, name: 'infer.nfw', ...stated(wire) },
    });
    const parent = {
      ...whole,
      files: new Map(whole.files).set('infer.int8', graph),
      manifest: {
        ...whole.manifest,
        quantization,
        files: whole.manifest.files.map((file) => (file.role === 'infer.int8' ? states(file) : file)),
      },
    };
    const candidate = await makeCandidate({
      parent,
      head: grownHead(headOf(graph), whole.manifest.labels.names.length + 1),
      labels: { version: 2, added: ['ring the bell'] },
      examples: examples.slice(0, 200),
      release: { version: '2.0.0-test', counter: 3 },
      breathe: () => Promise.resolve(),
    });
    const { changedShare, files, manifest } = candidate;
    const file = fileOfRole(manifest, 'infer.int8');
    const travelling = file && wireOf(file);
    assert(file !== undefined && travelling !== undefined);
    expect(changedShare).toBe(0);
    expect(travelling.bytes).toBeLessThan(file.bytes * 0.65);
    const expanded = expandFile(candidate.wire ?? new Uint8Array(), {
      manifest,
      file,
      wire: travelling,
      sha256Of,
    });
    expect(expanded).toEqual(files.get('infer.int8'));
  });
});

const stated = (bytes: Uint8Array) => ({ sha256: sha256Of(bytes), bytes: bytes.length });
