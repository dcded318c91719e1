// A device's process ends, or its disk fills, at every disk operation of eight stories: enrol, install, delta, swap, rollback,
// collect, outbox rotation, round. Each is then started again and judged. Options: --history NAME, --every N (1: all),
// --list (print every operation).
import { parseArgs } from 'node:util';
import { releaseAll } from './parts/crash-device.ts';
import { FAULTS } from './parts/crash-disk.ts';
import { HISTORIES } from './parts/crash-histories.ts';
import { type CrashResult, tryHistory } from './parts/crash-trials.ts';

const SHOWN_FAILURES = 20;

/** Operations by what they do, for a list that a person reads. */
const byKind = (operations: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const operation of operations) {
    const kind = operation.split(' ', 1)[0] ?? '';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
};

const print = ({ failures, history, operations, trials }: CrashResult, isListed: boolean): void => {
  const isGood = failures.length === 0 ? 'good' : `${failures.length} WRONG`;
  console.log(
    `${history}: ${operations.length} operations (${byKind(operations)}), ${trials} trials, ${isGood}`,
  );
  if (isListed) for (const [at, operation] of operations.entries()) console.log(`  ${at} ${operation}`);
  for (const { at, fault, operation, what } of failures.slice(0, SHOWN_FAILURES))
    console.log(`  ${fault} at ${at} (${operation}): ${what}`);
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      history: { type: 'string' },
      every: { type: 'string', default: '1' },
      list: { type: 'boolean', default: false },
    },
  });
  const every = Number(values.every);
  if (!Number.isInteger(every) || every < 1) throw new TypeError('--every must be a whole number from 1');
  const chosen = HISTORIES.filter(({ name }) => values.history === undefined || name === values.history);
  if (chosen.length === 0) throw new TypeError(`there is no history ${values.history ?? ''}`);
  const begunMs = Date.now();
  const results: CrashResult[] = [];
  for (const history of chosen) {
    const result = await tryHistory(history, { every });
    print(result, values.list);
    results.push(result);
  }
  await releaseAll();
  const failures = results.reduce((sum, result) => sum + result.failures.length, 0);
  console.log(
    JSON.stringify({
      soak: 'crash',
      ok: failures === 0,
      every,
      faults: FAULTS,
      histories: Object.fromEntries(
        results.map(({ history, operations, trials }) => [
          history,
          { operations: operations.length, trials },
        ]),
      ),
      trials: results.reduce((sum, { trials }) => sum + trials, 0),
      failures,
      minutes: Math.round((Date.now() - begunMs) / 600) / 100,
    }),
  );
  process.exitCode = failures === 0 ? 0 : 1;
}

await main();
