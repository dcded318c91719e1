import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeSyntheticTexts } from './synthetic-texts.ts';
import { type TrainedRecipe, trainRecipe } from './train-recipe.ts';
import type { TrainingProgress } from './train-tower.ts';

class Killed extends RangeError {}

const SILENT: TrainingProgress = { step: () => undefined, epoch: () => undefined };

/** Ends the run in the middle of an epoch, as a kill would. */
const killedIn = (epoch: number): TrainingProgress => ({
  ...SILENT,
  step: (progress) => {
    if (progress.epoch === epoch && progress.step === 3) throw new Killed();
  },
});

let directory = '';
let recipe = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
  recipe = (await writeSyntheticTexts(directory)).recipe;
});
afterEach(async () => await rm(directory, { recursive: true }));

async function train(out: string, progress = SILENT, seed = 1): Promise<TrainedRecipe> {
  const run = join(directory, out);
  return await trainRecipe({
    recipePath: recipe,
    data: directory,
    out: run,
    teachers: join(run, 'teachers'),
    seed,
    progress: () => progress,
  });
}

const weights = async (out: string, seed = 1): Promise<Buffer> =>
  await readFile(join(directory, out, `network-${seed}`, 'best.bin'));

describe('trainRecipe', () => {
  it('learns the synthetic intents', async () => {
    const { networks, texts } = await train('run');
    expect(texts.labels).toEqual(['light', 'music', 'timer', 'weather']);
    expect(networks[0]?.accuracy).toBeGreaterThan(0.9);
  });

  it('gives the same weights for the same seed and others for another', async () => {
    await train('a');
    await train('b');
    await train('c', SILENT, 2);
    expect((await weights('a')).equals(await weights('b'))).toBe(true);
    expect((await weights('a')).equals(await weights('c', 2))).toBe(false);
  });

  it('ends with the same weights after it was killed twice', async () => {
    await train('whole');
    await expect(train('killed', killedIn(1))).rejects.toThrow(Killed);
    await expect(train('killed', killedIn(4))).rejects.toThrow(Killed);
    await train('killed');
    expect((await weights('killed')).equals(await weights('whole'))).toBe(true);
  });

  it('stops when validation no longer improves', async () => {
    const training = { epochs: 60, batchSize: 16, warmUpSteps: 5, learningRate: 0.02, patience: 2 };
    recipe = (await writeSyntheticTexts(directory, { training })).recipe;
    const { networks } = await train('early');
    expect(networks[0]?.epochs).toBeLessThan(60);
  });

  it('learns from teachers that it trains first, and from texts without labels', async () => {
    const student = await writeSyntheticTexts(join(directory, 'student'), {
      name: 'student',
      data: {
        labelled: [{ file: 'train.jsonl' }],
        validation: 'validation.jsonl',
        unlabelled: ['oos.jsonl'],
      },
      distillation: { teachers: [{ recipe: '../recipe.json', seeds: [1, 2] }] },
    });
    recipe = student.recipe;
    const { networks } = await train('distilled');
    expect(networks[0]?.accuracy).toBeGreaterThan(0.9);
    await expect(
      readFile(join(directory, 'distilled', 'teachers', 'synthetic', 'network-2', 'best.bin')),
    ).resolves.toBeDefined();
  });
});
