// Delivers commands to devices one to five times each, in any order, with crashes at any change of the disk between, and counts
// the effects from outside: one each. Options: --count N (100000) commands, --seed S (1).
import { parseArgs } from 'node:util';
import { type OnceTally, OnceWorld } from './parts/once-world.ts';

/** Commands of one device; short, so that many orders are met. */
const COMMANDS_PER_DEVICE = 25;
const FAULTS_SHOWN_MAX = 20;

function added(sum: OnceTally, one: OnceTally): OnceTally {
  const numbers = Object.entries(one).flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, value + Number(sum[name as keyof OnceTally])] as const] : [],
  );
  const effects = { ...sum.effects };
  for (const [count, keys] of Object.entries(one.effects))
    effects[Number(count)] = (effects[Number(count)] ?? 0) + keys;
  return {
    ...sum,
    ...Object.fromEntries(numbers),
    rememberedMost: Math.max(sum.rememberedMost, one.rememberedMost),
    effects,
    faults: [...sum.faults, ...one.faults].slice(0, FAULTS_SHOWN_MAX),
  };
}

function main(): void {
  const { values } = parseArgs({
    options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
  });
  const count = Number(values.count);
  const seed = Number(values.seed);
  let sum: OnceTally | null = null;
  for (let done = 0, device = 0; done < count; done += COMMANDS_PER_DEVICE, device += 1) {
    const tally = new OnceWorld(seed * 1_000_003 + device).run(Math.min(COMMANDS_PER_DEVICE, count - done));
    sum = sum === null ? tally : added(sum, tally);
    if (device % 500 === 499) console.log(`${sum.commands} commands, ${sum.faults.length} faults`);
  }
  const ok = sum !== null && sum.faults.length === 0 && sum.effects[1] === sum.commands;
  console.log(JSON.stringify({ soak: 'once', ok, seed, ...sum }));
  process.exitCode = ok ? 0 : 1;
}

main();
