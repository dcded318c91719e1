// The linear teacher from its recipe on: learning, terms, seeds, kills, teaching, and what it is refused.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { callForge } from '../testing/call-forge.ts';
import { networkLogits } from '../text/networks.ts';
import { writeSyntheticTexts } from '../text/synthetic-texts.ts';
import { type TrainedRecipe, trainRecipe } from '../text/train-recipe.ts';
import type { TrainingProgress } from '../text/train-tower.ts';
import { readArrayFile } from '../train/array-file.ts';

const termsSchema = z.object({ terms: z.object({ words: z.array(z.string()) }) });

class Killed extends RangeError {}

const SILENT: TrainingProgress = { step: () => undefined, epoch: () => undefined };
const TRAINING = {
  epochs: 4,
  batchSize: 16,
  warmUpSteps: 0,
  learningRate: 0.5,
  weightDecay: 1e-4,
  misspellings: 0.1,
};
const DATA = {
  labelled: [{ file: 'train.jsonl' }],
  validation: 'validation.jsonl',
  outOfScopeTuning: ['oos.jsonl'],
  outOfScopeReport: ['oos.jsonl'],
};
const LINEAR = { name: 'linear', network: { kind: 'linear' }, training: TRAINING, data: DATA };

let directory = '';
let recipe = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'linear-'));
  await writeLinear({});
});
afterEach(async () => await rm(directory, { recursive: true }));

async function writeLinear(changes: Readonly<Record<string, unknown>>): Promise<void> {
  recipe = (await writeSyntheticTexts(directory, { ...LINEAR, bundle: undefined, ...changes })).recipe;
}

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

describe('a linear teacher', () => {
  it('learns the synthetic intents, and says of a text what it says of it in other company', async () => {
    const { networks } = await train('run');
    const [trained] = networks;
    expect(trained?.accuracy).toBeGreaterThan(0.9);
    if (!trained) return;
    const [together, alone] = [
      await networkLogits(trained.network, ['play a song', 'ψυχή', 'is it sunny']),
      await networkLogits(trained.network, ['is it sunny']),
    ];
    expect(together.subarray(8)).toEqual(alone);
  });

  it('takes terms from texts with a label only', async () => {
    await writeLinear({ data: { ...DATA, unlabelled: ['oos.jsonl'] } });
    await train('run');
    const saved = await readArrayFile(join(directory, 'run', 'network-1', 'best.bin'));
    const { words } = termsSchema.parse(saved?.meta).terms;
    expect(words).toContain('lamp');
    expect(words).not.toContain('fence');
  });

  it('gives the same weights for the same seed and others for another', async () => {
    await train('a');
    await train('b');
    await train('c', SILENT, 2);
    expect((await weights('a')).equals(await weights('b'))).toBe(true);
    expect((await weights('a')).equals(await weights('c', 2))).toBe(false);
  });

  it('ends with the same weights after it was killed, and refuses to go on with other settings', async () => {
    const killed: TrainingProgress = {
      ...SILENT,
      step: ({ epoch, step }) => {
        if (epoch === 3 && step === 3) throw new Killed();
      },
    };
    await train('whole');
    await expect(train('killed', killed)).rejects.toThrow(Killed);
    await writeLinear({ network: { kind: 'linear', documentsMin: 5 } });
    await expect(train('killed')).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    await writeLinear({});
    await train('killed');
    expect((await weights('killed')).equals(await weights('whole'))).toBe(true);
  });

  it('teaches a student', async () => {
    const { recipe: student } = await writeSyntheticTexts(join(directory, 'student'), {
      name: 'student',
      data: { ...DATA, unlabelled: ['oos.jsonl'] },
      distillation: { teachers: [{ recipe: '../recipe.json', seeds: [1] }] },
    });
    recipe = student;
    const { networks } = await train('distilled');
    expect(networks[0]?.accuracy).toBeGreaterThan(0.9);
    expect(
      (await readFile(join(directory, 'distilled/teachers/linear/network-1/best.bin'))).length,
    ).toBeGreaterThan(0);
  });

  it('reports accuracy and AUROC of a run without bundle', async () => {
    const out = join(directory, 'run');
    const { code, notes } = await callForge('run', recipe, '--data', directory, '--out', out);
    expect(code).toBe(0);
    expect(notes).toMatch(/linear seed 1 epoch 4\/4 loss \d/);
    const figures = JSON.parse(await readFile(join(out, 'figures.json'), 'utf8')) as Record<string, number[]>;
    expect(figures['validation']?.[0]).toBeGreaterThan(0.9);
    expect(figures['auroc']?.[0]).toBeGreaterThan(0.5);
  });

  const bundle = {
    line: 'intent',
    version: '0.0.1',
    releaseCounter: 1,
    dataset: 'synthetic',
    license: 'Apache-2.0',
    about: 'Made for a test.',
  };
  it.each([
    ['a bundle', { bundle }, 'bundle: a linear network teaches but does not run on devices'],
    [
      'compression',
      { compression: [{ step: 'quantize', bits: 8 }] },
      'compression: a linear network teaches',
    ],
    ['int8', { network: { kind: 'linear', int8: true } }, 'int8'],
    [
      'lengths that end before they begin',
      { network: { kind: 'linear', charMin: 6 } },
      'must not be greater',
    ],
  ])('is refused %s', async (_name, changes, problem) => {
    await writeLinear(changes);
    const out = join(directory, 'refused');
    const { code, notes } = await callForge('run', recipe, '--data', directory, '--out', out);
    expect(code).toBe(1);
    expect(notes).toContain('TRAINING_SET_INVALID');
    expect(notes).toContain(problem);
  });
});
