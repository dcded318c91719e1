// Kills one of two controllers that share a fleet on PostgreSQL and mosquitto, again and again, while all devices send.
// Nothing may be lost or counted twice, and the other one must take over within 10 s. Options: --count N (5), --devices N
// (100), --records N (400).
import { parseArgs } from 'node:util';
import { TAKEOVER_WITHIN_MS } from '@nanofleet/protocol';
import { runTakeover, type TakeoverSeen } from '../load/takeover.ts';

const WITHIN_MS = 240_000;

const faultOf = (seen: TakeoverSeen): string | undefined => {
  const { acknowledged, isAnswered, produced, stored, takeoverMs, tallied } = seen;
  if (acknowledged !== produced || stored !== produced) return `${produced} sent, ${stored} stored`;
  if (tallied !== stored) return `${stored} stored, ${tallied} counted`;
  if (takeoverMs > TAKEOVER_WITHIN_MS) return `the takeover took ${takeoverMs} ms`;
  return isAnswered ? undefined : 'a question got no answer';
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '5' },
      devices: { type: 'string', default: '100' },
      records: { type: 'string', default: '400' },
    },
  });
  const devices = Number(values.devices);
  const records = Number(values.records);
  const takeoverMs: number[] = [];
  const failures: string[] = [];
  for (let kill = 1; kill <= Number(values.count); kill += 1) {
    const seen = await runTakeover({ devices, records, withinMs: WITHIN_MS });
    const fault = faultOf(seen);
    takeoverMs.push(seen.takeoverMs);
    if (fault !== undefined) failures.push(fault);
    console.log(
      `kill ${kill}: ${seen.stored} of ${seen.produced} stored, taken over in ${seen.takeoverMs} ms, ` +
        `shards ${seen.sharesBefore.join('+')} and again ${seen.sharesAfter.join('+')}: ${fault ?? 'nothing lost'}`,
    );
  }
  const worstTakeoverMs = Math.max(...takeoverMs);
  const ok = failures.length === 0;
  console.log(
    JSON.stringify({ soak: 'takeover', ok, devices, records, takeoverMs, worstTakeoverMs, failures }),
  );
  process.exitCode = ok ? 0 : 1;
}

await main();
