import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { seededShares } from '../learning/seeded-shares.ts';
import { engineInWords, type LoadPackage, loadEngine, loadEngineBy } from './engine.ts';
import { type HeadTraining, trainHead } from './head-trainer.ts';
import { loadRunner } from './load-runner.ts';
import { inspectBundle } from './verify-bundle.ts';

const load = createRequire(import.meta.url);
/** As Node says it where a package has no binary for the machine. */
const without =
  (...names: string[]): LoadPackage =>
  (name) => {
    if (names.includes(name)) load(`${name}/bin/napi-v6/linux/nowhere/onnxruntime_binding.node`);
    return load(name) as unknown;
  };
const bundle = (name: string) =>
  inspectBundle(fileURLToPath(new URL(`../../../bundles/${name}`, import.meta.url)));

describe('the engine', () => {
  it('is the native library where it loads, or what was asked for', () => {
    expect(loadEngine()).toEqual({ kind: 'native', name: 'onnxruntime-node', version: '1.30.0' });
    expect(loadEngine('native')).toEqual(loadEngine());
    expect(engineInWords(loadEngine())).toBe('onnxruntime-node 1.30.0');
    expect(loadEngine('wasm')).toEqual({ kind: 'wasm', name: 'onnxruntime-web', version: '1.30.0' });
    expect(engineInWords(loadEngine('wasm'))).toBe('onnxruntime-web 1.30.0, WebAssembly');
  });

  it('is WebAssembly where the native library has no binary, and says why', () => {
    const engine = loadEngineBy(without('onnxruntime-node'), 'auto');
    expect(engine).toMatchObject({ kind: 'wasm', name: 'onnxruntime-web' });
    expect(engineInWords(engine)).toMatch(
      /^onnxruntime-web 1\.30\.0, WebAssembly: onnxruntime-node does not load: .*nowhere/,
    );
  });

  it('is none where the one that was asked for, or every one, does not load', () => {
    expect(() => loadEngineBy(without('onnxruntime-node'), 'native')).toThrow(
      /onnxruntime-node does not load/,
    );
    expect(() => loadEngineBy(without('onnxruntime-web'), 'wasm')).toThrow(/onnxruntime-web does not load/);
    const neither = without('onnxruntime-node', 'onnxruntime-web');
    expect(() => loadEngineBy(neither, 'auto')).toThrow(expect.objectContaining({ code: 'ENGINE_MISSING' }));
  });
});

describe('WebAssembly', () => {
  it.each(['household-2', 'entities-home', 'vibration-1'])('loads %s by its golden vectors', async (name) => {
    const runner = await loadRunner(await bundle(name), loadEngine('wasm'));
    expect(runner.labels.length).toBeGreaterThan(1);
    await runner.release();
  });

  it('trains a head as the native library does', async () => {
    const share = seededShares(1);
    const some = (length: number): Float32Array => Float32Array.from({ length }, () => share() - 0.5);
    const training: HeadTraining = {
      start: { width: 64, classes: 5, weight: some(320), bias: some(5) },
      prototypes: { counts: new Uint32Array(4).fill(9), width: 64, means: some(256) },
      trainStep: readFileSync(new URL('../../../bundles/vibration-1/train-step.onnx', import.meta.url)),
      examples: { features: some(64 * 3), labels: Int32Array.of(4, 4, 0) },
      settings: {
        steps: 20,
        learningRate: 0.01,
        batch: 4,
        rehearsal: 2,
        rehearsalNoise: 1,
        pull: 0,
        seed: 3,
      },
    };
    const still = { monotonicMicros: () => 0, breathe: () => Promise.resolve() };
    const native = await trainHead(training, { ...still, engine: loadEngine('native') });
    const wasm = await trainHead(training, { ...still, engine: loadEngine('wasm') });
    expect(native.loss.last).toBeLessThan(native.loss.first);
    const gaps = wasm.head.weight.map((value, at) => Math.abs(value - (native.head.weight[at] ?? 0)));
    expect(Math.max(...gaps)).toBeLessThan(1e-4);
    expect(Math.abs(wasm.loss.last - native.loss.last)).toBeLessThan(1e-4);
  });
});
