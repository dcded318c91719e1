// Whether an agent stays as small as it was: decisions without end, a new version and a round again and again, its memory
// all the while. Options: --decisions N (1000000), --swaps N (100), --rounds N (20).
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { printTable, quantilesOf, rounded } from '../bench/parts/figures.ts';
import { useOf } from '../load/process-use.ts';
import { TendedAgent } from './parts/tended-agent.ts';

const MB = 1e6;
const BARS = { grownMB: 5, trainingPeakMB: 150 };
/** Readings at the beginning and at the end whose medians are compared; one alone holds garbage or none. */
const READINGS = 10;
/** Short enough that a campaign ends, long enough that both models serve. */
const PROBATION_MS = 1_000;
const LOOK_MS = 200;

const median = (values: readonly number[]): number => quantilesOf(values).p50;
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Memory over a few moments: the median. */
async function memoryNow(pid: number): Promise<number> {
  const seen: number[] = [];
  for (let look = 0; look < 5; look += 1) {
    await pause(LOOK_MS);
    seen.push(useOf(pid).rssBytes);
  }
  return median(seen);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      decisions: { type: 'string', default: '1000000' },
      swaps: { type: 'string', default: '100' },
      rounds: { type: 'string', default: '20' },
    },
  });
  const given = {
    decisions: Number(values.decisions),
    swaps: Number(values.swaps),
    rounds: Number(values.rounds),
  };
  const tended = await TendedAgent.open([`--probation-ms=${PROBATION_MS}`]);
  const memory: number[] = [];
  const peaks: number[] = [];
  const each = Math.ceil(given.decisions / given.swaps);
  for (let swap = 1; swap <= given.swaps; swap += 1) {
    await tended.decide(each);
    await tended.release();
    if (Math.floor((swap * given.rounds) / given.swaps) > peaks.length) peaks.push(await tended.round());
    memory.push(await memoryNow(tended.agent.pid));
    const { rssBytes, anonymousBytes } = useOf(tended.agent.pid);
    console.log(
      `${swap * each} decisions, ${swap} swaps, ${peaks.length} rounds: ${rounded(rssBytes / MB)} MB, ${rounded(anonymousBytes / MB)} of them its own`,
    );
  }
  await tended.close();
  // The first tenth fills caches and heaps.
  const warm = memory.slice(Math.floor(memory.length / 10));
  const [before, after] = [median(warm.slice(0, READINGS)), median(warm.slice(-READINGS))];
  const figures = {
    firstMB: rounded((memory[0] ?? Number.NaN) / MB),
    warmMB: rounded(before / MB),
    endMB: rounded(after / MB),
    grownMB: rounded((after - before) / MB),
    trainingPeakMB: rounded(Math.max(...peaks) / MB),
    load: loadavg()[0],
  };
  const ok = figures.grownMB <= BARS.grownMB && figures.trainingPeakMB <= BARS.trainingPeakMB;
  printTable([
    ['an agent at work', 'seen', 'bar'],
    ['grown, MB', figures.grownMB, BARS.grownMB],
    ['peak while training, MB', figures.trainingPeakMB, BARS.trainingPeakMB],
  ]);
  console.log(JSON.stringify({ soak: 'agent', ok, ...given, ...figures }));
  process.exitCode = ok ? 0 : 1;
}

await main();
