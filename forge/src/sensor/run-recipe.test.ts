// Behaviour of a whole run of a sensor recipe, in miniature: recordings in, a bundle that loads and proves itself out.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectBundle, loadSensorRunner } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { readSensorRecipe } from './recipe.ts';
import { runSensorRecipe } from './run-recipe.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-sensor-'));
  await writeFile(join(directory, 'samples.csv'), table());
  await writeFile(join(directory, 'recipe.json'), JSON.stringify(RECIPE));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const RECIPE = {
  task: 'sensor-event',
  name: 'shaking',
  data: {
    kind: 'samples',
    file: 'samples.csv',
    recording: ['person'],
    group: 'person',
    label: 'what',
    channels: [{ column: 'x', name: 'x' }],
    rateHz: 10,
  },
  labels: { still: 'still', shaking: 'shaking' },
  window: { samples: 10, hop: 5, mixed: false },
  network: { kind: 'convolutions', units: 1, convolutions: [{ outputs: 4, taps: 3 }] },
  training: { epochs: 12, batchSize: 8, learningRate: 0.02 },
  folds: 3,
  bundle: {
    line: 'shaking',
    version: '1.0.0',
    releaseCounter: 1,
    unit: 'g',
    events: [{ label: 'shaking', start: 0.8, stop: 0.4 }],
    dataset: 'made up',
    license: 'Apache-2.0',
    about: 'Tells shaking from rest.',
  },
};

/** Six people who rest, then shake. */
function table(): string {
  const random = new SeededRandom(1, 'people');
  const lines = Array.from({ length: 6 }, (_, person) =>
    Array.from({ length: 120 }, (_sample, at) => {
      const isShaking = at >= 60;
      return `p${person},${isShaking ? 'shaking' : 'still'},${((isShaking ? 1 : 0.05) * random.normal()).toFixed(4)}`;
    }),
  ).flat();
  return `person,what,x\n${lines.join('\n')}\n`;
}

const run = async (out: string) => {
  const notes: string[] = [];
  let now = 0;
  const made = await runSensorRecipe(
    {
      recipePath: join(directory, 'recipe.json'),
      data: directory,
      out: join(directory, out),
      teachers: '',
      seed: 1,
    },
    {
      out: () => undefined,
      note: (line) => void notes.push(line),
      redraw: () => undefined,
      isTerminal: false,
      nowMs: () => (now += 0.25),
    },
  );
  return { made, notes };
};

describe('a run of a sensor recipe', () => {
  it('judges people that its networks have not seen, and makes a bundle that reproduces its golden vectors', async () => {
    const { made, notes } = await run('first');
    expect(made.accuracy).toBeGreaterThan(0.9);
    expect(made.everyWindow).toBeLessThan(made.accuracy + 0.1);
    expect(notes).toHaveLength(4 * 12);
    expect(notes.at(-1)).toContain('all epoch 12/12');
    const runner = await loadSensorRunner(await inspectBundle(made.directory));
    expect(runner.labels).toEqual(['still', 'shaking']);
    expect(runner.manifest.quality[0]?.split).toBe('cross-validation by person, 3 folds');
    await runner.release();
    expect(await readFile(join(made.directory, 'CARD.md'), 'utf8')).toContain('Tells shaking from rest.');
  });

  it('gives the same manifest for the same seed', async () => {
    const { made } = await run('again');
    const first = await readFile(join(directory, 'first', 'bundle', 'manifest.json'), 'utf8');
    expect(await readFile(join(made.directory, 'manifest.json'), 'utf8')).toBe(first);
  });

  it.each([
    [
      'an event that is no label',
      { bundle: { ...RECIPE.bundle, events: [{ label: 'fall', start: 0.8, stop: 0.4 }] } },
      'fall is none of the labels',
    ],
    [
      'units for other channels',
      { network: { ...RECIPE.network, units: [1, 2] } },
      'has 2 entries for 1 channels',
    ],
  ])('is refused before anything is read for %s', async (_name, change, problem) => {
    const recipePath = join(directory, 'wrong.json');
    await writeFile(recipePath, JSON.stringify({ ...RECIPE, ...change }));
    await expect(readSensorRecipe(recipePath)).rejects.toThrow(problem);
  });
});
