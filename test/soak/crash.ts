// A device's process ends, or its disk fills, at every disk operation of eight stories: enrol, install, delta, swap, rollback,
// collect, outbox rotation, round; then a controller's process ends around every commit and before every publish of ten. Each is then
// started again and judged. Options: --history NAME, --side agent or controller, --every N (1: all), --list (print every operation),
// --lanes N (2: trials of controllers at once).
import { parseArgs } from 'node:util';
import { type CampaignEars, missingEngine, playControllers } from './parts/controller-campaign.ts';
import { CONTROLLER_HISTORIES } from './parts/controller-histories.ts';
import type { ControllerResult } from './parts/controller-trials.ts';
import { releaseAll } from './parts/crash-device.ts';
import { FAULTS } from './parts/crash-disk.ts';
import { HISTORIES } from './parts/crash-histories.ts';
import { type CrashResult, tryHistory } from './parts/crash-trials.ts';

const SHOWN_FAILURES = 20;
/** Trials of a controller between two words of progress: some minutes. */
const TOLD_TRIALS = 10;

interface Chosen {
  readonly history: string | undefined;
  readonly side: string | undefined;
  readonly every: number;
  readonly lanes: number;
  readonly isListed: boolean;
}

/** Things by the word that they begin with, for a list that a person reads. */
const byKind = (things: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const thing of things) {
    const kind = thing.split(' ', 1)[0] ?? '';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
};

const verdictOf = ({ failures }: { failures: readonly unknown[] }): string =>
  failures.length === 0 ? 'good' : `${failures.length} WRONG`;

const print = (result: CrashResult, isListed: boolean): void => {
  const { failures, history, operations, trials } = result;
  console.log(
    `${history}: ${operations.length} operations (${byKind(operations)}), ${trials} trials, ${verdictOf(result)}`,
  );
  if (isListed) for (const [at, operation] of operations.entries()) console.log(`  ${at} ${operation}`);
  for (const { at, fault, operation, what } of failures.slice(0, SHOWN_FAILURES))
    console.log(`  ${fault} at ${at} (${operation}): ${what}`);
};

const printController = (result: ControllerResult, isListed: boolean): void => {
  const { failures, history, missed, points, trials } = result;
  const kinds = byKind(points.map(({ kind }) => kind));
  console.log(`${history}: ${kinds}, ${trials} trials, ${missed.length} missed, ${verdictOf(result)}`);
  if (isListed) for (const { name, nth } of points) console.log(`  ${name} #${nth}`);
  for (const point of missed) console.log(`  not come by again: ${point}`);
  for (const { fault, point, what } of failures.slice(0, SHOWN_FAILURES))
    console.log(`  ${fault} ${point}: ${what}`);
};

/** Tells at once of what goes wrong, and how far it is: the whole takes hours. */
const printTrial: CampaignEars['tried'] = (history, { aim: { fault, name, nth }, done, faults, of }) => {
  if (faults.length > 0) console.log(`${history}: ${fault} ${name} #${nth}: ${faults.join('; ')}`);
  if (done % TOLD_TRIALS === 0) console.log(`${history}: ${done} of ${of} trials`);
};

const chosenOf = <H extends { name: string }>(all: readonly H[], side: string, chosen: Chosen): H[] =>
  chosen.side === undefined || chosen.side === side
    ? all.filter(({ name }) => chosen.history === undefined || name === chosen.history)
    : [];

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

async function agents(chosen: Chosen): Promise<CrashResult[]> {
  const results: CrashResult[] = [];
  for (const history of chosenOf(HISTORIES, 'agent', chosen)) {
    const result = await tryHistory(history, { every: chosen.every });
    print(result, chosen.isListed);
    results.push(result);
  }
  return results;
}

async function controllers(chosen: Chosen): Promise<{ skipped: string | null; results: ControllerResult[] }> {
  const results: ControllerResult[] = [];
  const histories = chosenOf(CONTROLLER_HISTORIES, 'controller', chosen);
  const skipped = histories.length === 0 ? null : missingEngine();
  if (skipped !== null) console.log(`the stories of a controller are skipped: ${skipped}`);
  if (histories.length === 0 || skipped !== null) return { skipped, results };
  const told = (result: ControllerResult): void => {
    printController(result, chosen.isListed);
    results.push(result);
  };
  const { every, lanes } = chosen;
  await playControllers(histories, { every, lanes, told, tried: printTrial });
  return { skipped, results };
}

const agentFigures = ({ operations, trials }: CrashResult) => ({ operations: operations.length, trials });

const controllerFigures = ({ missed, points, restarts, trials }: ControllerResult) => ({
  commits: points.filter(({ kind }) => kind === 'commit').length,
  publishes: points.filter(({ kind }) => kind === 'publish').length,
  trials,
  ...{ missed: missed.length, restarts },
});

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      history: { type: 'string' },
      side: { type: 'string' },
      every: { type: 'string', default: '1' },
      lanes: { type: 'string', default: '2' },
      list: { type: 'boolean', default: false },
    },
  });
  const every = Number(values.every);
  const lanes = Number(values.lanes);
  const areCounts = [every, lanes].every((count) => Number.isInteger(count) && count >= 1);
  if (!areCounts) throw new TypeError('--every and --lanes must be whole numbers from 1');
  const chosen = { history: values.history, side: values.side, every, lanes, isListed: values.list };
  const begunMs = Date.now();
  const results = await agents(chosen);
  const controller = await controllers(chosen);
  await releaseAll();
  const all = [...results, ...controller.results];
  if (all.length === 0 && controller.skipped === null) throw new TypeError('there is no such history');
  const failures = sumOf(all.map((result) => result.failures.length));
  const missed = sumOf(controller.results.map((result) => result.missed.length));
  const isWhole = controller.skipped === null || process.env['NANOFLEET_REQUIRE'] !== 'all';
  const ok = failures === 0 && missed === 0 && isWhole;
  console.log(
    JSON.stringify({
      soak: 'crash',
      ok,
      every,
      faults: FAULTS,
      histories: Object.fromEntries(results.map((result) => [result.history, agentFigures(result)])),
      controller: Object.fromEntries(
        controller.results.map((result) => [result.history, controllerFigures(result)]),
      ),
      skipped: controller.skipped,
      trials: sumOf(all.map(({ trials }) => trials)),
      failures,
      minutes: Math.round((Date.now() - begunMs) / 600) / 100,
    }),
  );
  process.exitCode = ok ? 0 : 1;
}

await main();
