import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { correctedRate } from '../autodiff/optimizer.ts';
import { SeededRandom } from '../seeded-random.ts';
import { headTrainingGraph } from './head-step.ts';
import { freshState, TrainingSession } from './training-session.ts';

const HIDDEN = 5;

async function lossesWith(classes: number): Promise<number[]> {
  const random = new SeededRandom(1, 'head', classes);
  const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
  const state = new Map([
    ['head.weight', freshState({ shape: [HIDDEN, classes], elements: normals(HIDDEN * classes) })],
    ['head.bias', freshState({ shape: [classes], elements: new Float32Array(classes) })],
  ]);
  const session = await TrainingSession.open(headTrainingGraph(HIDDEN), state);
  const targets = new Float32Array(classes * classes);
  for (let label = 0; label < classes; label += 1) targets[label * classes + label] = 1;
  const feeds = {
    penultimate: new Tensor('float32', normals(classes * HIDDEN), [classes, HIDDEN]),
    targets: new Tensor('float32', targets, [classes, classes]),
  };
  const losses: number[] = [];
  for (let step = 1; step <= 150; step += 1)
    losses.push(await session.step({ feeds, learningRate: correctedRate(0.05, step) }));
  await session.release();
  return losses;
}

describe('headTrainingGraph', () => {
  it.each([3, 4])('trains a head of %d labels with one and the same file', async (classes) => {
    const losses = await lossesWith(classes);
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 4);
  });

  it('is small, because it holds no weights', () => {
    expect(headTrainingGraph(HIDDEN).length).toBeLessThan(8_000);
  });
});
