// Behaviour of runners on stock ONNX Runtime: answers that can be checked by hand, and refusal of models that do not prove themselves.
import { generateSigningKey } from '@nanofleet/protocol/node';
import { describe, expect, it } from 'vitest';
import { encodeGolden } from '../golden.ts';
import { softmax } from '../metrics.ts';
import { type TinyBundle, tinySensorBundle, tinyTextBundle, tinyTextLogits } from '../testing/tiny-bundle.ts';
import { memorySource } from './bundle-files.ts';
import { loadRunner, loadSensorRunner, loadTextRunner } from './load-runner.ts';
import { inspectBundle, verifyBundle } from './verify-bundle.ts';

const key = generateSigningKey();
const opened = (files: TinyBundle) =>
  verifyBundle(memorySource(files), { publisherFingerprints: [key.fingerprint] });

describe('a text runner', () => {
  it('answers with label, calibrated confidence, scores and the identity of its model', async () => {
    const bundle = await opened(tinyTextBundle(key));
    const runner = await loadTextRunner(bundle);
    const scored = await runner.decide('Lights off');
    const expected = tinyTextLogits('Lights off');
    expect(Array.from(scored.logits)).toEqual(expected);
    expect(scored.confidence).toBeCloseTo(Math.max(...softmax(expected)), 6);
    expect(runner).toMatchObject({
      line: 'intent',
      version: '1.0.0',
      releaseCounter: 3,
      digest: bundle.digest,
    });
    await runner.release();
  });

  it('refuses unusable texts with their codes and goes on', async () => {
    const runner = await loadTextRunner(await opened(tinyTextBundle(key)));
    await expect(runner.decide(' ')).rejects.toMatchObject({ code: 'TEXT_EMPTY' });
    await expect(runner.decide('a\0')).rejects.toMatchObject({ code: 'TEXT_MALFORMED' });
    await expect(runner.decide('a'.repeat(10_000_000))).rejects.toMatchObject({ code: 'TEXT_TOO_LARGE' });
    expect((await runner.decide('on')).labelIndex).toBeLessThan(2);
    await runner.release();
  });

  it('finds a text without one letter of its alphabet out of scope', async () => {
    const runner = await loadTextRunner(await opened(tinyTextBundle(key)));
    expect(await runner.decide('語 …')).toMatchObject({ verdict: 'out-of-scope', confidence: 0 });
    await runner.release();
  });

  it('answers many calls at once as it answers them one by one', async () => {
    const runner = await loadTextRunner(await opened(tinyTextBundle(key)));
    const texts = Array.from({ length: 50 }, (_, at) => `word${at} `.repeat((at % 3) + 1));
    const together = await Promise.all(
      texts.map(async (text) => Array.from((await runner.decide(text)).logits)),
    );
    expect(together).toEqual(texts.map(tinyTextLogits));
    await runner.release();
  });
});

describe('a sensor runner', () => {
  it('gives the probability of every label', async () => {
    const runner = await loadSensorRunner(await opened(tinySensorBundle(key)));
    const scored = await runner.score(Float32Array.of(1, 1, 1, 1, 0, 2, 0, 2));
    expect(Array.from(scored.logits)).toEqual([1, 2]);
    expect(Array.from(scored.probabilities)).toEqual(Array.from(softmax([1, 2])));
    expect(scored.label).toBe('second');
    await expect(runner.score(new Float32Array(7))).rejects.toMatchObject({ code: 'CHANNELS_WRONG' });
    await runner.release();
  });
});

describe('loading', () => {
  const replaced = async (role: 'infer.int8' | 'golden', bytes: Uint8Array) => {
    const bundle = await inspectBundle(memorySource(tinyTextBundle(key)));
    return loadRunner({ ...bundle, files: new Map([...bundle.files, [role, bytes]]) });
  };

  it('refuses a model that misses a golden vector, and allows what the tolerance allows', async () => {
    const [first = 0, second = 0] = tinyTextLogits('on');
    const golden = (error: number) =>
      encodeGolden({ task: 'text-intent', cases: [{ text: 'on', logits: [first, second + error] }] });
    await expect(replaced('golden', golden(0.01))).rejects.toMatchObject({ code: 'GOLDEN_MISMATCH' });
    await (await replaced('golden', golden(0.0005))).release();
  });

  it.each([
    ['no graph at all', new Uint8Array(10)],
    ['nothing', new Uint8Array()],
  ])('refuses %s with MODEL_LOAD_FAILED', async (_name, bytes) => {
    await expect(replaced('infer.int8', bytes)).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
  });

  it('refuses labels that the graph does not have', async () => {
    const change = {
      labels: { version: 1, names: ['a', 'b', 'c'] },
      thresholds: { confidence: [1, 1, 1], outOfScope: 1 },
    };
    await expect(opened(tinyTextBundle(key, change)).then(loadRunner)).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
    });
  });

  it('refuses a bundle of another task than asked for', async () => {
    const text = await opened(tinyTextBundle(key));
    await expect(loadSensorRunner(text)).rejects.toMatchObject({ code: 'LINE_TASK_WRONG' });
  });
});
