// A whole fleet in virtual time, with cuts, kills, power cuts, bad releases and strangers from a seed. Each run holds
// invariants 1-4 and 6 or prints its seed. Options: --devices N (100), --hours H (24), --seed S (1),
// --count N (20; 1 with --seed).
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { MemoryPglite } from '@nanofleet/controller';
import { toNanofleetError } from '@nanofleet/protocol';
import { type FleetRun, runFleet } from '../fleet/fleet.ts';

const number = (text: string, name: string): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new TypeError(`--${name} must be a number over 0, not ${JSON.stringify(text)}`);
};

const minutesSince = (begunMs: number): number => Math.round((Date.now() - begunMs) / 600) / 100;

const print = (run: FleetRun, minutes: number): void => {
  const { controllerKills, cuts, decisions, digest, kills, noted, powerCuts, pushes, queries, seed } = run;
  console.log(
    `seed ${seed}: ${decisions} decisions, ${cuts} cuts, ${kills} kills, ${powerCuts} power cuts, ` +
      `${controllerKills} kills of the controller, ${pushes} releases; ${noted} events, ${queries} queries; ` +
      `${digest.slice(0, 16)} in ${minutes} min`,
  );
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string', default: '100' },
      hours: { type: 'string', default: '24' },
      count: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const devices = number(values.devices, 'devices');
  const hours = number(values.hours, 'hours');
  // A seed alone replays the run of that seed.
  const first = number(values.seed ?? '1', 'seed');
  const count = number(values.count ?? (values.seed === undefined ? '20' : '1'), 'count');
  const begunMs = Date.now();
  const database = await MemoryPglite.create();
  const runs: FleetRun[] = [];
  const failures: { seed: number; fault: string }[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const runBegunMs = Date.now();
    try {
      const run = await runFleet({ seed, devices, hours, database });
      runs.push(run);
      print(run, minutesSince(runBegunMs));
    } catch (thrown) {
      failures.push({ seed, fault: toNanofleetError(thrown).message.split('\n')[0] ?? '' });
      console.log(thrown instanceof Error ? thrown.message : String(thrown));
      console.log(`replay: pnpm soak fleet --seed ${seed} --devices ${devices} --hours ${hours}`);
    }
  }
  await database.close();
  const sum = (of: (run: FleetRun) => number): number => runs.reduce((total, run) => total + of(run), 0);
  const hash = createHash('sha256');
  for (const { digest } of runs) hash.update(digest);
  console.log(
    JSON.stringify({
      soak: 'fleet',
      ok: failures.length === 0,
      runs: count,
      devices,
      hours,
      decisions: sum((run) => run.decisions),
      events: sum((run) => run.noted),
      kills: sum((run) => run.kills + run.powerCuts + run.stops),
      powerCuts: sum((run) => run.powerCuts),
      controllerKills: sum((run) => run.controllerKills),
      partitions: sum((run) => run.cuts),
      releases: sum((run) => run.pushes),
      minutes: minutesSince(begunMs),
      hash: hash.digest('hex'),
      failures,
    }),
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
}

await main();
