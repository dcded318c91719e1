// The three kinds of encoder: gradients against finite differences, learning, and going on after a kill.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TextSource } from '../text/text-sources.ts';
import { trainingSettingsSchema } from '../text/training-settings.ts';
import { encoderLogits } from './encoder-evaluation.ts';
import { encoderSettingsSchema } from './encoder-shape.ts';
import { type EncoderTraining, type TrainedEncoder, trainEncoder } from './train-encoder.ts';

class Killed extends RangeError {}

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'encoder-'));
});
afterEach(async () => await rm(directory, { recursive: true }));

// Two classes that differ only in the order of their words, which a bag of words could not tell apart.
const ORDERS = ['dog bites man', 'man bites dog', 'the old dog bites', 'bites the old dog'];
const LABELS = [0, 1, 0, 1];
const TASK = { from: 0, count: 2 };
const SOURCES: TextSource[] = [
  { texts: ORDERS, labels: Int32Array.from(LABELS), task: TASK, share: 1 },
  { texts: ['yes', 'no', 'oh yes'], labels: Int32Array.of(2, 3, 2), task: { from: 2, count: 2 }, share: 0.5 },
  { texts: ['something else', 'quite another thing'], outOfScope: true, task: TASK, share: 0.2 },
  { texts: ['the dog is old', 'an old man'], share: 0.3 },
];

type Kind = 'recurrent' | 'convolutional' | 'transformer';

async function train(kind: Kind, name: string, killedIn?: number): Promise<TrainedEncoder> {
  const settings = {
    kind,
    buckets: 256,
    width: 16,
    charMin: 2,
    charMax: 3,
    hidden: 16,
    heads: 2,
    vocabulary: 8,
  };
  const training: EncoderTraining = {
    shape: { ...encoderSettingsSchema.parse(settings), classes: 4 },
    seed: 1,
    training: trainingSettingsSchema.parse({
      epochs: 3,
      batchSize: 16,
      learningRate: 0.01,
      warmUpSteps: 4,
      dropout: 0.1,
      featureDropout: 0,
      wordDropout: 0,
      labelSmoothing: 0,
      misspellings: 0.05,
    }),
    stepsPerEpoch: 40,
    learning: () => Promise.resolve(SOURCES),
    validation: { texts: ORDERS, labels: Int32Array.from(LABELS), classes: 2 },
    directory: join(directory, name),
    progress: {
      step: ({ epoch, step }) => {
        if (epoch === killedIn && step === 3) throw new Killed();
      },
      epoch: () => undefined,
    },
  };
  await mkdir(training.directory, { recursive: true });
  return await trainEncoder(training);
}

describe.each(['recurrent', 'convolutional', 'transformer'] as const)('a %s encoder', (kind) => {
  it('learns the order of words, and says the same of a text in any company', async () => {
    const { encoder, accuracy } = await train(kind, kind);
    expect(accuracy).toBe(1);
    const together = await encoderLogits(encoder, [...ORDERS, 'a text of rather many more words than these']);
    const alone = await encoderLogits(encoder, ORDERS.slice(0, 1));
    alone.forEach((logit, at) => expect(logit).toBeCloseTo(together[at] ?? 0, 3));
  });
});

it('an encoder ends with the same weights after it was killed', async () => {
  const weights = async (name: string): Promise<Buffer> => await readFile(join(directory, name, 'best.bin'));
  await train('convolutional', 'whole');
  await expect(train('convolutional', 'killed', 2)).rejects.toThrow(Killed);
  await train('convolutional', 'killed');
  expect((await weights('killed')).equals(await weights('whole'))).toBe(true);
});
