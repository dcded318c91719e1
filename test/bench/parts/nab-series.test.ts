// Behaviour of reading labelled series: what fits together is read and judged from end to end, anything else refused with file and line.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { NanofleetError } from '@nanofleet/protocol';
import { AnomalyDetector, NAB_PROFILES } from '@nanofleet/runtime';
import { describe, expect, it } from 'vitest';
import { atEnd } from '../../endings.ts';
import { ClockAlarm, WindowedGaussian } from './anomaly-baselines.ts';
import { categoryFigures, profileFigures, scoredBy } from './nab-judge.ts';
import { nabSeries } from './nab-series.ts';

interface Files {
  readonly csv?: string | undefined;
  readonly windows?: unknown;
}

async function folder({ csv = CSV, windows = WINDOWS }: Files = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'nab-series-'));
  atEnd(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'nab.csv.gz'), gzipSync(csv));
  const json = typeof windows === 'string' ? windows : JSON.stringify(windows, undefined, 1);
  await writeFile(join(directory, 'windows.json'), json);
  return directory;
}

const timestamp = (at: number): string =>
  new Date(Date.UTC(2020, 0, 1) + at * 300_000).toISOString().slice(0, 19).replace('T', ' ');
const csvOf = (series: Readonly<Record<string, readonly number[]>>): string =>
  [
    'file,timestamp,value',
    ...Object.entries(series).flatMap(([file, values]) =>
      values.map((value, at) => `${file},${timestamp(at)},${value}`),
    ),
  ].join('\n');

const CSV = csvOf({ 'made/a.csv': [1, 2, 3, 4], 'made/b.csv': [5, 6] });
const WINDOWS = { 'made/a.csv': [[`${timestamp(1)}.000000`, timestamp(2)]], 'made/b.csv': [] };

/** Code, message, name of the file and line of what reading these files throws. */
async function refusal(files: Files) {
  const thrown: unknown = await nabSeries(await folder(files)).catch((error: unknown) => error);
  if (!(thrown instanceof NanofleetError)) throw thrown;
  const { code, message, facts } = thrown;
  return { code, message, file: basename(String(facts['file'])), line: facts['line'] };
}

describe('nabSeries', () => {
  it('gives samples in order, with windows as samples', async () => {
    const [first, second] = await nabSeries(await folder());
    expect(first).toMatchObject({
      file: 'made/a.csv',
      category: 'made',
      values: Float64Array.of(1, 2, 3, 4),
      windows: [{ first: 1, last: 2 }],
    });
    expect(first?.seconds[1]).toBe(Date.UTC(2020, 0, 1, 0, 5) / 1000);
    expect(second).toMatchObject({ values: Float64Array.of(5, 6), windows: [] });
  });

  it.each([
    ['a missing column', CSV.replace('timestamp', 'time'), 1, 'no column timestamp'],
    ['NaN', CSV.replace(',3', ',NaN'), 4, 'not a finite number'],
    ['an empty value', CSV.replace(',3', ', '), 4, 'not a finite number'],
    ['a word', CSV.replace(',3', ',three'), 4, 'not a finite number'],
    ['a timestamp of another form', CSV.replace(timestamp(1), '01/02/2020 00:05'), 3, 'timestamp'],
    ['a timestamp that is no time', CSV.replace(timestamp(1), '2020-13-01 00:05:00'), 3, 'timestamp'],
    ['a cell too few', CSV.replace(',3', ''), 4, '2 cells under 3 columns'],
    ['only a header', 'file,timestamp,value\n', 1, 'no sample'],
    ['an empty file', '', 1, 'no column file'],
  ])('refuses samples with %s', async (_, csv, line, problem) => {
    const { message, ...rest } = await refusal({ csv });
    expect(rest).toEqual({ code: 'TRAINING_SET_INVALID', file: 'nab.csv.gz', line });
    expect(message).toContain(problem);
  });

  it.each([
    ['of an unknown series', { ...WINDOWS, 'made/c.csv': [] }, 9, 'no series made/c.csv'],
    ['without one for a series', { 'made/a.csv': [] }, 0, 'says nothing of made/b.csv'],
    ['at no sample', { ...WINDOWS, 'made/b.csv': [[timestamp(0), timestamp(9)]] }, 8, 'no sample'],
    [
      'that overlap',
      {
        ...WINDOWS,
        'made/b.csv': [
          [timestamp(0), timestamp(1)],
          [timestamp(1), timestamp(1)],
        ],
      },
      8,
      'overlap',
    ],
    ['with an unreadable end', { ...WINDOWS, 'made/b.csv': [[timestamp(0), 'noon']] }, 8, 'timestamp'],
    ['of another form', { ...WINDOWS, 'made/b.csv': [timestamp(0)] }, 8, 'expected'],
    ['that are no JSON', '{', 0, 'not JSON'],
  ])('refuses windows %s', async (_, windows, line, problem) => {
    const { message, ...rest } = await refusal({ windows });
    expect(rest).toEqual({ code: 'TRAINING_SET_INVALID', file: 'windows.json', line });
    expect(message).toContain(problem);
  });

  it('refuses a folder without files, and one that is not packed', async () => {
    await expect(nabSeries(join(tmpdir(), 'nab-series-nowhere'))).rejects.toMatchObject({
      code: 'TRAINING_SET_INVALID',
      facts: { line: 0 },
    });
    const directory = await folder();
    await writeFile(join(directory, 'nab.csv.gz'), CSV);
    await expect(nabSeries(directory)).rejects.toMatchObject({ code: 'TRAINING_SET_INVALID' });
  });
});

describe('a detector on series whose anomalies are plain', () => {
  const SAMPLES = 1500;
  const made = (size: number, spike: number): number[] =>
    Array.from({ length: SAMPLES }, (_, at) => (at === spike ? 9 : Math.sin(at / 20)) * size);
  const around = (spike: number): string[][] => [[timestamp(spike - 50), timestamp(spike + 50)]];
  const plain = async () =>
    await nabSeries(
      await folder({
        csv: csvOf({
          'small/a.csv': made(1, 700),
          'large/b.csv': made(1000, 900),
          'large/c.csv': made(5, -1),
        }),
        windows: { 'small/a.csv': around(700), 'large/b.csv': around(900), 'large/c.csv': [] },
      }),
    );

  it('finds them all and nothing else, by one threshold for all', async () => {
    const scored = scoredBy(await plain(), () => new AnomalyDetector());
    const [standard] = profileFigures(scored);
    expect(standard).toMatchObject({ profile: 'standard', windows: 2, hits: 2, falseAlarms: 0 });
    // the middle of a window: (1 + 0.86) / 2
    expect(standard?.score).toBeCloseTo(93, 0);
    // the threshold of either category is the score of its own spike, and one of these is lower
    expect(standard?.elsewhere).toBeCloseTo((standard?.score ?? 0) / 2, 9);
    const [small, large] = categoryFigures(scored, {
      profile: NAB_PROFILES[0],
      threshold: standard?.threshold ?? 1,
    });
    expect(small).toMatchObject({ category: 'small', windows: 1, hits: 1 });
    expect(large).toMatchObject({ category: 'large', windows: 1, hits: 1 });
  });

  it('is above alarms by the clock, as is a Gaussian', async () => {
    const series = await plain();
    const score = (make: () => ClockAlarm | WindowedGaussian): number =>
      profileFigures(scoredBy(series, make))[0]?.score ?? Number.NaN;
    expect(score(() => new WindowedGaussian())).toBeGreaterThan(90);
    expect(score(() => new ClockAlarm())).toBeLessThan(70);
  });
});
