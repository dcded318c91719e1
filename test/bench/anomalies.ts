// How well anomalies in streams of numbers are found: the detector of the product on the series of the Numenta Anomaly Benchmark, by that
// benchmark's own rule, beside a Gaussian over a window and alarms by the clock.
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import {
  ANOMALY_STATE_BYTES,
  ANOMALY_THRESHOLD,
  AnomalyDetector,
  NAB_PROFILES,
  type NabScore,
  nabScore,
} from '@nanofleet/runtime';
import { ClockAlarm, type StreamDetector, WindowedGaussian } from './parts/anomaly-baselines.ts';
import { printTable, quantilesOf, rounded } from './parts/figures.ts';
import { categoryFigures, type ProfileFigures, profileFigures, scoredBy } from './parts/nab-judge.ts';
import { type NabSeries, nabSeries } from './parts/nab-series.ts';

const DETECTORS: readonly { readonly name: string; readonly make: () => StreamDetector }[] = [
  { name: 'nanofleet', make: () => new AnomalyDetector() },
  { name: 'windowed Gaussian', make: () => new WindowedGaussian() },
  { name: 'every 250 samples', make: () => new ClockAlarm() },
];
const [standard] = NAB_PROFILES;
const TIMED_ROUNDS = 5;
/** Enough for counts of samples and thresholds. */
const DIGITS = 6;

async function main(data: string | undefined): Promise<void> {
  if (data === undefined)
    throw new NanofleetError('SETTING_INVALID', 'Say --data DIR: a folder with nab.csv.gz and windows.json.');
  const series = await nabSeries(data);
  const micros = microsPerSample(series);
  const detectors = DETECTORS.map(({ name, make }, at) => ({
    name,
    microsPerSample: micros[at] ?? Number.NaN,
    ...figures(series, make),
  }));
  printTable([
    ['detector', 'profile', 'score', '95 %', 'elsewhere', 'threshold', 'hits', 'false alarms'],
    ...detectors.flatMap(({ name, profiles }) => profiles.map((one) => profileRow(name, one))),
  ]);
  console.log();
  printTable([
    ['category', 'windows', ...detectors.flatMap(({ name }) => [name, 'hits', 'false alarms'])],
    ...categoryRows(detectors.map(({ categories }) => categories)),
  ]);
  console.log(
    JSON.stringify(
      {
        bench: 'anomalies',
        series: series.length,
        samples: series.reduce((sum, { values }) => sum + values.length, 0),
        windows: series.reduce((sum, { windows }) => sum + windows.length, 0),
        stateBytes: ANOMALY_STATE_BYTES,
        atDefault: atDefault(series),
        detectors,
      },
      (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value),
    ),
  );
}

/** Median of the rounds, in which the detectors take turns; all samples of all series. */
function microsPerSample(series: readonly NabSeries[]): number[] {
  const samples = series.reduce((sum, { values }) => sum + values.length, 0);
  const rounds = Array.from({ length: TIMED_ROUNDS }, () =>
    DETECTORS.map(({ make }) => {
      const begin = performance.now();
      for (const one of series) runOver(one, make());
      return ((performance.now() - begin) * 1000) / samples;
    }),
  );
  return DETECTORS.map((_, at) => rounded(quantilesOf(rounds.map((round) => round[at] ?? Number.NaN)).p50));
}

function runOver({ seconds, values }: NabSeries, detector: StreamDetector): void {
  for (let at = 0; at < values.length; at += 1)
    detector.push({ seconds: seconds[at] ?? 0, value: values[at] ?? 0 });
}

function figures(series: readonly NabSeries[], make: () => StreamDetector) {
  const scored = scoredBy(series, make);
  const profiles = profileFigures(scored);
  const threshold = profiles[0]?.threshold ?? Number.POSITIVE_INFINITY;
  return {
    profiles,
    categories: categoryFigures(scored, { profile: standard, threshold }),
  };
}

/** The product's detector at the threshold where no other was chosen. */
function atDefault(series: readonly NabSeries[]): NabScore {
  const scored = scoredBy(series, () => new AnomalyDetector());
  return nabScore(scored, { profile: standard, threshold: ANOMALY_THRESHOLD });
}

const shown = (score: number): string => (Number.isNaN(score) ? '-' : score.toFixed(1));

function profileRow(name: string, one: ProfileFigures): (string | number)[] {
  const range = `${shown(one.low)}-${shown(one.high)}`;
  const hits = `${one.hits}/${one.windows}`;
  return [
    name,
    one.profile,
    shown(one.score),
    range,
    shown(one.elsewhere),
    rounded(one.threshold),
    hits,
    one.falseAlarms,
  ];
}

function categoryRows(of: readonly ReturnType<typeof categoryFigures>[]): (string | number)[][] {
  return (of[0] ?? []).map(({ category, windows }, at) => [
    category,
    windows,
    ...of.flatMap((categories) => {
      const one = categories[at];
      return [shown(one?.score ?? Number.NaN), one?.hits ?? 0, one?.falseAlarms ?? 0];
    }),
  ]);
}

const { values } = parseArgs({ options: { data: { type: 'string' } } });
await main(values.data);
