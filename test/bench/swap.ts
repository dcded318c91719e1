// What a new version costs those who ask: the longest time without an answer while a good one is tried, swapped in and committed,
// and how soon a bad one is gone. Real agent, engine, disk and acceptance process. Options: --turns N (3) of each
// but those that are only refused.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Agent, portsFor } from '@nanofleet/agent';
import { encodeMessage, type LineReport, topicOf } from '@nanofleet/protocol';
import { silentLog } from '@nanofleet/runtime/ports';
import { type BundleBadness, MemoryBroker } from '@nanofleet/runtime/testing';
import { blind, desired, identity, type Release, releaseOf, TEXTS } from '../soak/parts/crash-device.ts';
import { printTable, rounded } from './parts/figures.ts';

const ASKERS = 4;
const LOOK_MS = 1;
const WITHIN_MS = 120_000;
const BARS = { gapMs: 50, servedMs: 30_000 };

interface Place {
  readonly agent: Agent;
  readonly desire: (release: Release) => void;
  readonly report: () => LineReport | undefined;
  readonly close: () => Promise<void>;
}

/** An agent with some releases within its reach, that has committed the first of them. */
async function placeWith(releases: readonly Release[], isBlind: boolean): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'nanofleet-swap-'));
  const broker = new MemoryBroker();
  const blobs = new Map(releases.flatMap((release) => [...release.blobs]));
  const ports = portsFor(identity);
  const agent = new Agent(
    { directory, identity, probation: { leastMs: 2_000, mostMs: 25_000, inputs: 30 } },
    {
      ...ports,
      log: silentLog,
      transport: broker.transport,
      admit: () => Promise.resolve(),
      ...(isBlind ? { acceptance: blind } : {}),
      blobs: {
        fetch: (name, { from, length }) => {
          const whole = blobs.get(name) ?? new Uint8Array();
          return Promise.resolve({ bytes: whole.subarray(from, from + length), totalBytes: whole.length });
        },
      },
    },
  );
  let version = 0;
  const { device, fleet } = identity;
  const desire = ({ wish }: Release): void => {
    version += 1;
    const message = desired(version, { lines: { intent: wish } as never });
    broker.publish(topicOf({ fleet, device, channel: { kind: 'desired' } }), encodeMessage(message), {
      isRetained: true,
    });
  };
  const report = (): LineReport | undefined => Object.values(agent.status().lines)[0];
  const [first] = releases;
  if (first !== undefined) desire(first);
  await agent.load();
  agent.start();
  const place: Place = {
    agent,
    desire,
    report,
    close: async () => {
      await agent.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await until(() => report()?.running !== null && report() !== undefined);
  await asking(place, () => report()?.committed === first?.digest);
  return place;
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + WITHIN_MS;
  while (!holds()) {
    if (performance.now() > endMs) throw new TypeError('what was waited for does not come');
    await pause(LOOK_MS);
  }
}

interface Asked {
  readonly answers: number;
  readonly failures: number;
  /** Longest time between two answers of all askers together, and the 99.9th percentile, milliseconds. */
  readonly gapMs: number;
  readonly gapP999Ms: number;
}

/** Asks without rest until something holds. */
async function asking({ agent }: Place, holds: () => boolean): Promise<Asked> {
  const gaps: number[] = [];
  let lastMs = performance.now();
  let [isOver, failures] = [false, 0];
  const ask = async (first: number): Promise<void> => {
    for (let at = first; !isOver; at += 1) {
      await agent.decide(TEXTS[at % TEXTS.length] ?? '', {}).catch(() => {
        failures += 1;
      });
      const nowMs = performance.now();
      gaps.push(nowMs - lastMs);
      lastMs = nowMs;
      // Programs ask from outside, one after the other: the loop turns between their requests.
      await pause(0);
    }
  };
  const askers = Array.from({ length: ASKERS }, (_, at) => ask(at));
  await until(holds).finally(() => {
    isOver = true;
  });
  await Promise.all(askers);
  const sorted = gaps.toSorted((a, b) => a - b);
  const gapP999Ms = sorted[Math.floor(0.999 * sorted.length)] ?? 0;
  return { answers: gaps.length, failures, gapMs: sorted.at(-1) ?? 0, gapP999Ms };
}

const one = releaseOf(1);
const two = releaseOf(2);

/** Answers while nothing happens, for as long as a swap takes, and while a good version comes. */
async function goodSwap() {
  const place = await placeWith([one, two], false);
  const quietUntilMs = performance.now() + 8_000;
  const quiet = await asking(place, () => performance.now() > quietUntilMs);
  place.desire(two);
  const swap = await asking(place, () => place.report()?.committed === two.digest);
  await place.close();
  return { quiet, swap };
}

/** How long a bad version serves when nothing has stopped it before; null when it is let stay. */
async function revert(badness: BundleBadness) {
  const bad = releaseOf(2, badness);
  const place = await placeWith([one, bad], true);
  place.desire(bad);
  let beganMs = 0;
  const asked = await asking(place, () => {
    const { committed, running, step } = place.report() ?? {};
    if (step === 'probation' && beganMs === 0) beganMs = performance.now();
    return committed === bad.digest || (step === 'refused' && running?.digest === one.digest);
  });
  const isBack = place.report()?.committed === one.digest;
  const servedMs = isBack ? rounded(performance.now() - beganMs) : null;
  const code = place.report()?.refused?.code;
  await place.close();
  return { code, servedMs, failures: asked.failures };
}

/** How long trying a bad version takes before it is refused. */
async function refuse(badness: BundleBadness) {
  const bad = releaseOf(2, badness);
  const place = await placeWith([one, bad], false);
  const beganMs = performance.now();
  place.desire(bad);
  const asked = await asking(place, () => place.report()?.step === 'refused');
  const tookMs = rounded(performance.now() - beganMs);
  const code = place.report()?.refused?.code;
  await place.close();
  return { code, tookMs, failures: asked.failures };
}

const BAD: readonly [string, BundleBadness][] = [
  ['wrong labels', { kind: 'wrong' }],
  ['slower', { kind: 'slow', rows: 512 }],
  ['no numbers', { kind: 'not-finite' }],
];
const HEAVY: [string, BundleBadness] = ['+60 MB', { kind: 'heavy', numbers: 15_000_000 }];
const HANGING: [string, BundleBadness] = ['hangs', { kind: 'hanging', networks: 500 }];

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { turns: { type: 'string', default: '3' } } });
  const swaps = [];
  for (let turn = 0; turn < Number(values.turns); turn += 1) swaps.push(await goodSwap());
  const gaps = swaps.map(({ quiet, swap }) => ({
    quietMs: rounded(quiet.gapMs),
    swapMs: rounded(swap.gapMs),
    quietP999Ms: rounded(quiet.gapP999Ms),
    swapP999Ms: rounded(swap.gapP999Ms),
    answers: swap.answers,
    failures: swap.failures,
  }));
  const refused = [];
  for (const [name, badness] of [...BAD, HEAVY, HANGING]) refused.push({ name, ...(await refuse(badness)) });
  const reverted = [];
  for (const [name, badness] of BAD)
    for (let turn = 0; turn < Number(values.turns); turn += 1)
      reverted.push({ name, ...(await revert(badness)) });
  printTable([
    ['a good version', 'quiet ms', 'swap ms', 'answers', 'failures'],
    ...gaps.map((gap, at) => [`swap ${at + 1}`, gap.quietMs, gap.swapMs, gap.answers, gap.failures]),
    ['a bad version', 'refused as', 'after ms', '', 'failures'],
    ...refused.map(({ code = '', failures, name, tookMs }) => [name, code, tookMs, '', failures]),
    ['let into service', 'reverted as', 'served ms', '', 'failures'],
    ...reverted.map(({ code = '', failures, name, servedMs }) => [
      name,
      code,
      servedMs ?? 'stays',
      '',
      failures,
    ]),
  ]);
  const isSmooth = gaps.every(({ quietMs, swapMs }) => swapMs - quietMs <= BARS.gapMs);
  const isSafe = reverted.every(({ servedMs }) => servedMs !== null && servedMs <= BARS.servedMs);
  const isUnnoticed = [...gaps, ...refused, ...reverted].every(({ failures }) => failures === 0);
  const ok = isSmooth && isSafe && isUnnoticed;
  console.log(JSON.stringify({ bench: 'swap', ok, gaps, refused, reverted }));
  process.exitCode = ok ? 0 : 1;
}

await main();
