// What an idle device costs: bytes on the wire, writes to flash, CPU, of a real agent process that only beats over TLS.
// Options: --minutes N (60), --beat-ms N (300000).

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { printTable, rounded } from '../bench/parts/figures.ts';
import { CountedRelay } from '../load/counted-relay.ts';
import { useOf } from '../load/process-use.ts';
import { SecureAgent } from '../load/secure-agent.ts';
import { SecureSite } from '../load/secure-site.ts';

const MONTH_S = 30 * 86_400;
const DAY_S = 86_400;
const MB = 1e6;
/** After the start: the first reports and the collection of garbage are over. */
const SETTLE_MS = 20_000;
const BARS = { monthMB: 3, flashMBPerDay: 5, cpuShare: 0.005 };

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

async function measure(
  agent: SecureAgent,
  relay: CountedRelay,
  { minutes }: { minutes: number },
): Promise<Record<string, number>> {
  const begunMs = performance.now();
  const [before, wireBefore] = [useOf(agent.pid), relay.counts];
  for (let minute = 1; minute <= minutes; minute += 1) {
    await pause(Math.min(60_000, begunMs + minutes * 60_000 - performance.now()));
    const wire = relay.counts.onWire - wireBefore.onWire;
    const { cpuSeconds, rssBytes, writtenBytes } = useOf(agent.pid);
    console.log(
      `minute ${minute}: ${wire} bytes on the wire, ${writtenBytes - before.writtenBytes} written, ` +
        `${rounded(cpuSeconds - before.cpuSeconds)} s of CPU, ${rounded(rssBytes / MB)} MB`,
    );
  }
  const [after, wireAfter] = [useOf(agent.pid), relay.counts];
  const seconds = (performance.now() - begunMs) / 1_000;
  const onWire = wireAfter.onWire - wireBefore.onWire;
  return {
    seconds: rounded(seconds),
    carriedBytes: wireAfter.carried - wireBefore.carried,
    onWireBytes: onWire,
    pieces: wireAfter.pieces - wireBefore.pieces,
    connections: wireAfter.connections - wireBefore.connections,
    monthMB: rounded((onWire * MONTH_S) / seconds / MB),
    writtenBytes: after.writtenBytes - before.writtenBytes,
    flashMBPerDay: rounded(((after.writtenBytes - before.writtenBytes) * DAY_S) / seconds / MB),
    cpuShare: rounded((after.cpuSeconds - before.cpuSeconds) / seconds),
    rssMB: rounded(after.rssBytes / MB),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '60' },
      'beat-ms': { type: 'string', default: '300000' },
    },
  });
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-idle-'));
  const site = await SecureSite.open({
    directory: join(directory, 'controller'),
    publisher: generateSigningKey(),
  });
  const relay = await CountedRelay.open(site.mqttPort);
  const agent = await SecureAgent.start({
    ...{ site, directory, name: 'idle', mqttPort: relay.port },
    args: [`--beat-ms=${values['beat-ms']}`],
  });
  await pause(SETTLE_MS);
  const figures = await measure(agent, relay, { minutes: Number(values.minutes) });
  await agent.stop();
  relay.close();
  await site.close();
  await rm(directory, { recursive: true, force: true });
  const rows = (['monthMB', 'flashMBPerDay', 'cpuShare'] as const).map((name) => ({
    name,
    seen: figures[name] ?? Number.NaN,
    bar: BARS[name],
  }));
  const ok = rows.every(({ bar, seen }) => seen <= bar);
  printTable([['an idle device', 'seen', 'bar'], ...rows.map(({ bar, name, seen }) => [name, seen, bar])]);
  console.log(JSON.stringify({ soak: 'idle', ok, beatMs: Number(values['beat-ms']), ...figures }));
  process.exitCode = ok ? 0 : 1;
}

await main();
