// Behaviour of a recipe whose compression ends in few bits: its bundle holds the codes of that grid, in two forms of one graph.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileOfRole, wireOf } from '@nanofleet/protocol';
import { generateSigningKey, signBundleDirectory } from '@nanofleet/protocol/node';
import { codeMax, listInitializers } from '@nanofleet/runtime';
import { inspectBundle, loadTextRunner, verifyBundle } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callForge } from '../testing/call-forge.ts';
import { writeSyntheticTexts } from '../text/synthetic-texts.ts';

let scratch = '';
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'forge-'));
});
afterAll(async () => await rm(scratch, { recursive: true }));

async function run(...args: string[]): Promise<string> {
  const { code, out, notes } = await callForge(...args, '--json');
  assert.equal(code, 0, notes);
  return out;
}

interface Made {
  readonly directory: string;
  readonly bundle: string;
  /** Of the bundle, and of the last step as compression measured it. */
  readonly accuracies: readonly [number | undefined, number | undefined];
}

async function made(name: string, compression: readonly unknown[]): Promise<Made> {
  const directory = join(scratch, name);
  const { recipe } = await writeSyntheticTexts(directory, { compression });
  const out = join(directory, 'run');
  const figures = JSON.parse(await run('run', recipe, '--data', directory, '--out', out)) as {
    accuracyInt8: number;
  };
  const { models } = JSON.parse(await readFile(join(out, 'compression.json'), 'utf8')) as {
    models: { accuracy: number }[];
  };
  const accuracies = [figures.accuracyInt8, models.at(-1)?.accuracy] as const;
  return { directory, bundle: join(out, 'bundle'), accuracies };
}

/** Greatest magnitude of a code in each of a graph's quantized weights. */
const reachOf = (graph: Uint8Array): Record<string, number> =>
  Object.fromEntries(
    listInitializers(graph).flatMap(({ name, raw }) => {
      if (!name.endsWith('.int8')) return [];
      const codes = new Int8Array(raw.buffer, raw.byteOffset, raw.length);
      return [[name, codes.reduce((reach, code) => Math.max(reach, Math.abs(code)), 0)]];
    }),
  );

describe('a bundle of a recipe whose compression ends in few bits', () => {
  it.each([
    ['4 bits', [{ step: 'quantize', bits: 4 }], 4],
    [
      '3 bits after 8',
      [{ step: 'quantize', bits: 8 }, { step: 'trained' }, { step: 'quantize', bits: 3 }],
      3,
    ],
  ])('holds the codes that compression has measured, %s', async (name, compression, bits) => {
    const { bundle, accuracies } = await made(name.replaceAll(' ', '-'), compression);
    const { manifest, files } = await inspectBundle(bundle);
    expect(manifest.quantization.map((grid) => grid.bits)).toEqual([bits, 7, 7]);
    expect(reachOf(files.get('infer.int8') ?? new Uint8Array())).toEqual({
      'tower0.table.int8': codeMax(bits),
      'tower0.hidden.weight.int8': codeMax(7),
      'head.weight.int8': codeMax(7),
    });
    expect(accuracies[0]).toBe(accuracies[1]);
  });

  it('runs from either form alone, is signed with one of them, and not with none; here a codebook', async () => {
    const { directory, bundle } = await made('either', [{ step: 'codebook', width: 8, entries: 32 }]);
    const key = generateSigningKey();
    const { manifest } = await signBundleDirectory(bundle, key);
    const file = fileOfRole(manifest, 'infer.int8');
    const wire = file && wireOf(file);
    expect(wire?.form).toBe('nfw2');
    expect(wire?.bytes).toBeLessThan((file?.bytes ?? 0) * 0.75);
    const data = ['--data', join(directory, 'validation.jsonl')];
    const before = await run('eval', '--bundle', bundle, ...data);
    await rm(join(bundle, file?.name ?? ''));
    const found = await verifyBundle(bundle, { publisherFingerprints: [key.fingerprint] });
    await (await loadTextRunner(found)).release();
    expect(await run('eval', '--bundle', bundle, ...data)).toBe(before);
    await signBundleDirectory(bundle, key);
    await rm(join(bundle, wire?.name ?? ''));
    await expect(signBundleDirectory(bundle, key)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
    await expect(inspectBundle(bundle)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
  });

  it('has no second form where no weight has few bits', async () => {
    const { bundle } = await made('eight', [{ step: 'quantize', bits: 8 }]);
    const { manifest } = await inspectBundle(bundle);
    expect(manifest.files.some((file) => file.wire !== undefined)).toBe(false);
  });
});
