import { readFileSync } from 'node:fs';
import { type Head, type Prototypes, seededShares } from '@nanofleet/runtime';
import { type HeadTraining, trainHead } from '@nanofleet/runtime/node';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../ports/system-clock.ts';
import { makeThreadTrainer } from './thread-trainer.ts';

/** The compiled program: Node 20 loads no TypeScript into a thread. */
const PROGRAM = new URL('../../dist/learning/training-worker.js', import.meta.url);
const trainer = makeThreadTrainer(systemClock, { program: PROGRAM });

const share = seededShares(1);
const some = (length: number): Float32Array => Float32Array.from({ length }, () => share() - 0.5);
const start: Head = { width: 64, classes: 5, weight: some(320), bias: some(5) };
const prototypes: Prototypes = { counts: new Uint32Array(4).fill(9), width: 64, means: some(256) };
const trainStep = readFileSync(new URL('../../../bundles/vibration-1/train-step.onnx', import.meta.url));
const training: HeadTraining = {
  start,
  prototypes,
  trainStep,
  examples: { features: some(64 * 3), labels: Int32Array.of(4, 4, 0) },
  settings: { steps: 20, learningRate: 0.01, batch: 4, rehearsal: 2, rehearsalNoise: 1, pull: 0, seed: 3 },
};
const forEver: HeadTraining = { ...training, settings: { ...training.settings, steps: 10_000_000 } };
const never = new AbortController().signal;

describe('a trainer in a thread', () => {
  it('gives what training in this thread gives, while this thread goes on', async () => {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) systemClock.after(1, turn);
    };
    turn();
    const { head, steps } = await trainer.train(training, never);
    isOver = true;
    const direct = { monotonicMicros: () => 0, breathe: () => Promise.resolve() };
    expect(head).toEqual((await trainHead(training, direct)).head);
    expect(steps).toBe(20);
    expect(turns).toBeGreaterThan(5);
  });

  it('stops between two slices when it is told to, with the reason', async () => {
    const abort = new AbortController();
    const outcome = trainer.train(forEver, abort.signal);
    systemClock.after(300, () => abort.abort(new RangeError('another model')));
    await expect(outcome).rejects.toThrow('another model');
    await expect(trainer.train(training, abort.signal)).rejects.toThrow('another model');
  });

  it('says which of its errors ended training, and when its program is not there', async () => {
    const broken = { ...training, trainStep: new Uint8Array(10) };
    await expect(trainer.train(broken, never)).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
    const nowhere = makeThreadTrainer(systemClock, { program: new URL('./nowhere.js', import.meta.url) });
    await expect(nowhere.train(training, never)).rejects.toMatchObject({ code: 'TRAINING_FAILED' });
  });
});
