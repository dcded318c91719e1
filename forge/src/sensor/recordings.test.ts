// Behaviour of reading recordings: good tables are read, bad ones are refused with file and line before anything is trained.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SensorRecipe } from './recipe.ts';
import { readRecordings } from './recordings.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-recordings-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const SAMPLES: SensorRecipe['data'] = {
  kind: 'samples',
  file: 'samples.csv',
  recording: ['person', 'take'],
  group: 'person',
  label: 'what',
  channels: [
    { column: 'x', name: 'x', scale: 0.5 },
    { column: 'antenna', name: 'antenna-2', scale: 1, equals: '2' },
  ],
  rateHz: 10,
};
const FRAMES: SensorRecipe['data'] = {
  kind: 'frames',
  file: 'frames.csv',
  group: 'person',
  label: 'what',
  frames: 'hex',
  bands: 2,
  rateHz: 10,
};
const LABELS = { 0: 'still', 1: 'moving' };
const HEAD = 'person,take,what,x,antenna\n';
const GOOD = 'ann,1,0,2,1\nann,1,1,4,2\nbob,1,1,6,1\n';

const read = async (content: string | Uint8Array, data: SensorRecipe['data'] = SAMPLES) => {
  const file = join(directory, data.file);
  await writeFile(file, content);
  return await readRecordings({ data, labels: LABELS }, file);
};

describe('a table of samples', () => {
  it('gives one recording for each take of a person, its values scaled', async () => {
    const { channels, labels, recordings } = await read(HEAD + GOOD);
    expect([channels, labels]).toEqual([
      ['x', 'antenna-2'],
      ['still', 'moving'],
    ]);
    expect(recordings.map(({ group, values, labels: own }) => [group, [...values], [...own]])).toEqual([
      ['ann', [1, 0, 2, 1], [0, 1]],
      ['bob', [3, 0], [1]],
    ]);
  });

  it.each([
    ['a missing column', 'person,take,what,x\nann,1,0,2\n', 1, 'no column antenna'],
    ['a label that the recipe does not know', `${HEAD}ann,1,7,2,1\n`, 2, 'what 7 is none'],
    ['a missing label', `${HEAD}${GOOD}ann,2,,2,1\n`, 5, 'there is no what'],
    ['NaN', `${HEAD}ann,1,0,NaN,1\n`, 2, 'x holds NaN'],
    ['a missing value', `${HEAD}ann,1,0,,1\n`, 2, 'x holds nothing'],
    ['a torn line', `${HEAD}${GOOD}ann,2\n`, 5, '2 cells'],
    ['no rows', HEAD, 0, 'no row'],
    ['one label only', `${HEAD}ann,1,0,2,1\nbob,1,0,2,1\n`, 0, 'at least two labels'],
    ['bytes that are no UTF-8', Buffer.concat([Buffer.from(HEAD), Buffer.of(0xff, 0x0a)]), 2, 'not UTF-8'],
  ])('is refused for %s, with file and line', async (_name, content, line, problem) => {
    const error = await read(content).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'TRAINING_SET_INVALID',
      message: expect.stringContaining(problem) as string,
      facts: { file: join(directory, 'samples.csv'), line },
    });
  });
});

describe('irregular readings', () => {
  const data: SensorRecipe['data'] = { ...SAMPLES, rateHz: 2, time: 'at' };
  const head = 'person,take,what,x,antenna,at\n';

  it('are put on a grid with their age, and each grid sample has the label of its reading', async () => {
    const { channels, recordings } = await read(
      `${head}ann,1,0,2,2,0\nann,1,0,4,2,0.2\nann,1,1,6,2,1.1\n`,
      data,
    );
    expect(channels).toEqual(['x', 'antenna-2', 'age']);
    const [only] = recordings;
    const rounded = Array.from(only?.values ?? [], (value) => Math.round(value * 100) / 100);
    expect(rounded).toEqual([1, 1, 0, 2, 1, 0.3, 2, 1, 0.8, 3, 1, 0]);
    expect([[...(only?.labels ?? [])], [...(only?.readings ?? [])]]).toEqual([
      [0, 0, 0, 1],
      [1, 1, 0, 1],
    ]);
  });

  it('are refused when time goes back', async () => {
    await expect(read(`${head}ann,1,0,2,2,1\nann,1,1,4,2,0.5\n`, data)).rejects.toMatchObject({
      facts: { line: 3 },
    });
  });
});

describe('a table of frames', () => {
  it('gives the frames of each recording as samples', async () => {
    const { recordings } = await read('person,what,hex\nann,0,0001ff02\nbob,1,00000000\n', FRAMES);
    expect(recordings.map(({ values }) => [...values])).toEqual([
      [0, 1, 255, 2],
      [0, 0, 0, 0],
    ]);
  });

  it.each([
    ['other letters', 'ann,0,00zz\n', 'not hexadecimal'],
    ['a torn frame', 'ann,0,0001ff\n', 'not hexadecimal'],
  ])('is refused for %s', async (_name, row, problem) => {
    await expect(read(`person,what,hex\n${row}`, FRAMES)).rejects.toThrow(problem);
  });

  it('is refused when recordings differ in length', async () => {
    await expect(read('person,what,hex\nann,0,0001\nbob,1,00010203\n', FRAMES)).rejects.toMatchObject({
      facts: { line: 3 },
    });
  });
});
