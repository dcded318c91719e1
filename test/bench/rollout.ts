// How long a rollout in waves of 1, 10 and 100 % takes: delta fetch, verify, apply, load, swap and report on real agents, each
// with a disk and a model of its own, over real MQTT and HTTP, on PostgreSQL and mosquitto. Options: --devices N (1000),
// --workers N processes of agents (2), --bundle NAME (household-2), --disk DIR of the agents (/dev/shm).
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import type { z } from 'zod';
import { signedBundle, type TestBundle } from '../faults/parts/bundles.ts';
import { Engines, type LoadController } from '../load/engines.ts';
import { fineTunedBundle } from '../load/fine-tuned-bundle.ts';
import { useOf } from '../load/process-use.ts';
import { enrolledSchema, type Progress, progressSchema } from '../load/rollout-worker.ts';
import { printTable, rounded } from './parts/figures.ts';

const WORKER = join(import.meta.dirname, '..', 'load', 'rollout-worker.js');
const WAVES = [{ percent: 1 }, { percent: 10 }, { percent: 100 }];
/**
 * A device collects its own garbage only. A process of hundreds would go through the heaps of all of them for the garbage of each,
 * unless it is given room for as many.
 */
const ROOM_FOR_MANY = ['--min-semi-space-size=16', '--heap-growing-percent=150'];
const LOOK_MS = 250;
const GIVEN_UP_MS = 900_000;
const BARS = { secondsPer1000: 40, controllerSecondsPer1000: 5 };

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const since = (begunMs: number): number => Math.round((performance.now() - begunMs) / 1_000);

/** All agents as one. */
class Agents {
  readonly #workers: readonly ChildProcess[];

  constructor(count: number) {
    this.#workers = Array.from({ length: count }, () =>
      fork(WORKER, { stdio: 'inherit', execArgv: ROOM_FOR_MANY }),
    );
  }

  /** Has each process do something; resolves with their answers. */
  ask<T>(orderOf: (worker: number) => object, answer: z.ZodType<T>): Promise<T[]> {
    return Promise.all(
      this.#workers.map(async (worker, at) => {
        worker.send(orderOf(at));
        const [message] = (await once(worker, 'message')) as [unknown];
        return answer.parse(message);
      }),
    );
  }

  async order(order: object): Promise<Progress> {
    const answers = await this.ask(() => order, progressSchema);
    return answers.reduce((all, one) => {
      const names = Object.keys(all) as (keyof Progress)[];
      return Object.fromEntries(names.map((name) => [name, all[name] + one[name]])) as Progress;
    });
  }

  /** Waits until it is so. @throws NanofleetError INTERNAL */
  async until(digest: string, isSo: (progress: Progress) => boolean): Promise<Progress> {
    const endMs = performance.now() + GIVEN_UP_MS;
    for (let looks = 1; ; looks += 1) {
      const progress = await this.order({ order: 'tell', digest });
      if (isSo(progress)) return progress;
      if (looks % 20 === 0) console.log(`${progress.connected} connected, ${progress.committed} committed`);
      if (performance.now() > endMs) throw new NanofleetError('INTERNAL', 'the agents did not come so far');
      await pause(LOOK_MS);
    }
  }

  end(): void {
    for (const worker of this.#workers) if (worker.connected) worker.disconnect();
  }
}

interface Given {
  readonly count: number;
  readonly workers: number;
}

async function start(
  agents: Agents,
  engines: Engines,
  controller: LoadController,
  { count, directory, workers }: Given & { directory: string },
): Promise<void> {
  const token = await engines.token(controller, count);
  const names = Array.from({ length: count }, (_, at) => `device-${at + 1}`);
  const begunMs = performance.now();
  const { url } = controller;
  const share = (worker: number) => names.filter((_, at) => at % workers === worker);
  const enrolled = await agents.ask(
    (worker) => ({ order: 'enrol', token, url, names: share(worker) }),
    enrolledSchema,
  );
  await engines.grantAll(enrolled.flat());
  console.log(`${count} devices are enrolled after ${since(begunMs)} s`);
  await agents.order({
    ...{ order: 'start', url, brokerUrl: engines.broker.url },
    ...{ directory: join(directory, 'devices'), bundles: join(directory, 'shipped') },
  });
  await agents.until('', ({ connected }) => connected === count);
  console.log(`${count} agents are connected after ${since(begunMs)} s`);
}

/** The rollout, from the operator's word to its end. */
async function rollOut(agents: Agents, controller: LoadController, next: TestBundle, { count }: Given) {
  const [before, controllerBefore] = [
    await agents.order({ order: 'tell', digest: '' }),
    useOf(controller.pid).cpuSeconds,
  ];
  const begunMs = performance.now();
  const body = { digest: next.digest, target: { all: true }, plan: { waves: WAVES } } as const;
  const { id } = await controller.call('makeRollout', { body });
  const after = await agents.until(next.digest, ({ committed }) => committed === count);
  const committedS = (performance.now() - begunMs) / 1_000;
  const phase = async () => (await controller.call('rollout', { params: { id } })).course?.phase;
  while ((await phase()) === 'running') await pause(LOOK_MS);
  const seconds = (performance.now() - begunMs) / 1_000;
  const { course, counts } = await controller.call('rollout', { params: { id } });
  const did = (name: keyof Progress): number => after[name] - before[name];
  return {
    ...{
      phase: course?.phase,
      running: counts.running,
      seconds: rounded(seconds),
      committedS: rounded(committedS),
    },
    controllerCpuS: rounded(useOf(controller.pid).cpuSeconds - controllerBefore),
    ...{ agentsCpuS: rounded(did('cpuSeconds')), agentsMB: Math.round(after.rssBytes / 1e6) },
    ...{ downloads: did('downloads'), deltaApplications: did('deltaDownloads'), digests: did('digests') },
    ...{ sessionLoads: did('loads'), ownModels: did('ownModels') },
    bytesPerDevice: Math.round(did('downloadedBytes') / count),
    messagesPerDevice: rounded(did('messages') / count),
    reportsPerDevice: rounded(did('reports') / count),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string', default: '1000' },
      workers: { type: 'string', default: '2' },
      bundle: { type: 'string', default: 'household-2' },
      // Hundreds of agents in a process would wait for each other's fsync, which blocks only its own process on a device.
      disk: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
    },
  });
  const given = { count: Number(values.devices), workers: Number(values.workers) };
  const directory = await mkdtemp(join(values.disk, 'nanofleet-rollout-'));
  const engines = await Engines.open();
  const agents = new Agents(given.workers);
  try {
    const controller = await engines.controller('only', 'foreign');
    mkdirSync(join(directory, 'shipped'));
    const key = engines.publisher;
    const base = signedBundle({
      from: values.bundle,
      to: join(directory, 'shipped', 'base'),
      key,
      releaseCounter: 10,
    });
    const next = fineTunedBundle({
      from: values.bundle,
      to: join(directory, 'next'),
      key,
      releaseCounter: 11,
    });
    for (const bundle of [base, next]) await controller.push(bundle);
    await start(agents, engines, controller, { ...given, directory });
    const figures = await rollOut(agents, controller, next, given);
    await agents.order({ order: 'close' });
    const perDevice = [
      figures.downloads,
      figures.deltaApplications,
      figures.digests,
      figures.sessionLoads,
      figures.ownModels,
    ];
    const per1000 = (value: number): number => rounded((value * 1_000) / given.count);
    const isDone = figures.phase === 'done' && figures.running === given.count;
    const isOwn = perDevice.every((times) => times >= given.count);
    const isQuick = per1000(figures.seconds) <= BARS.secondsPer1000;
    const isLean = per1000(figures.controllerCpuS) <= BARS.controllerSecondsPer1000;
    printTable([
      [`${given.count} devices`, 'seen'],
      ...Object.entries(figures).map(([name, value]) => [name, String(value)]),
    ]);
    const ok = isDone && isOwn && isQuick && isLean;
    console.log(
      JSON.stringify({
        bench: 'rollout',
        ok,
        bundle: values.bundle,
        ...given,
        load: loadavg()[0],
        ...figures,
      }),
    );
    process.exitCode = ok ? 0 : 1;
  } finally {
    agents.end();
    await engines.close();
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
