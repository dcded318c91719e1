// What a broker's death does to a fleet: the controller with its embedded broker is killed with -9 under thousands of
// devices over TLS, and started again. Options: --devices N (500), --workers N (2), --events N of each device (2).
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import { decodeFleetToken, generateSigningKey } from '@nanofleet/protocol/node';
import { useOf } from '../load/process-use.ts';
import { SecureSite } from '../load/secure-site.ts';
import { type Standing, standingSchema } from '../load/storm-worker.ts';
import { printTable, rounded } from './parts/figures.ts';

const WORKER = join(import.meta.dirname, '..', 'load', 'storm-worker.js');
const LOOK_MS = 500;
/** Twice what 5,000 devices took on two cores for their first connection. */
const GIVEN_UP_MS = 600_000;
/** How long all must stay there afterwards. */
const WATCH_MS = 5_000;
const HANDSHAKES = 500;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The workers as one. */
class Crowd {
  readonly #workers: readonly ChildProcess[];

  constructor(count: number) {
    this.#workers = Array.from({ length: count }, () => fork(WORKER, { stdio: 'inherit' }));
  }

  /** One order to each; how all stand then. */
  async order(orderOf: (worker: number) => object): Promise<Standing> {
    const answers = await Promise.all(
      this.#workers.map(async (worker, at) => {
        worker.send(orderOf(at));
        const [answer] = (await once(worker, 'message')) as [unknown];
        return standingSchema.parse(answer);
      }),
    );
    const sum = (of: (one: Standing) => number): number => answers.reduce((total, one) => total + of(one), 0);
    return {
      devices: sum(({ devices }) => devices),
      connected: sum(({ connected }) => connected),
      waiting: sum(({ waiting }) => waiting),
      versions: sum(({ versions }) => versions),
      appliedTwice: sum(({ appliedTwice }) => appliedTwice),
      cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
      rssBytes: sum(({ rssBytes }) => rssBytes),
      resumed: sum(({ resumed }) => resumed),
    };
  }

  /** Waits until all stand so; seconds that it took. @throws NanofleetError INTERNAL */
  async until(what: string, isSo: (standing: Standing) => boolean): Promise<number> {
    const begunMs = performance.now();
    for (let looks = 1; ; looks += 1) {
      const standing = await this.order(() => ({ order: 'tell' }));
      const seconds = (performance.now() - begunMs) / 1_000;
      if (isSo(standing)) return seconds;
      if (looks % 10 === 0) {
        const { connected, devices, versions, waiting } = standing;
        console.log(
          `${what}, after ${Math.round(seconds)} s: ${connected} of ${devices} connected, ${waiting} events wait, versions sum up to ${versions}`,
        );
      }
      if (seconds * 1_000 > GIVEN_UP_MS)
        throw new NanofleetError('INTERNAL', `${what}: it did not come so far`);
      await pause(LOOK_MS);
    }
  }

  end(): void {
    for (const worker of this.#workers) worker.disconnect();
  }
}

/** All devices as the controller sees them. */
async function seenBy(site: SecureSite) {
  const { items } = await site.call('devices');
  return {
    online: items.filter(({ status }) => status === 'online').length,
    neverSeen: items.filter(({ status }) => status === 'never-seen').length,
    /** Each device counts its own; none can be ahead, so that equal sums are equal versions. */
    versions: items.reduce((sum, { desiredVersion }) => sum + desiredVersion, 0),
  };
}

/** Events that are stored, and how many of them are there twice. */
async function storedAt(site: SecureSite): Promise<number> {
  let stored = 0;
  for (let after = 0; ; ) {
    const { items } = await site.call('events', { query: { type: 'records-dropped', after, limit: 500 } });
    stored += items.length;
    if (items.length < 500) return stored;
    after = items.at(-1)?.position ?? after;
  }
}

const setPolicy = (site: SecureSite, offload: 'none' | 'mini'): Promise<unknown> =>
  site.call('setPolicy', { params: { group: 'homes' }, body: { offload } });

async function enrolAll(site: SecureSite, crowd: Crowd, { count, workers }: Record<string, number>) {
  const token = decodeFleetToken(await site.fleetToken(count ?? 0));
  const { publisher, secret, tokenId } = token;
  const names = Array.from({ length: count ?? 0 }, (_, at) => `storm-${at + 1}`);
  const authority = site.authority;
  return crowd.order((worker) => ({
    ...{ order: 'enrol', authority, token: { tokenId, secret, publisher } },
    ports: { http: site.httpPort, mqtt: site.mqttPort },
    names: names.filter((_, at) => at % (workers ?? 1) === worker),
  }));
}

/** CPU of the controller for a handshake with a device's certificate and nothing after it, milliseconds. */
async function handshakeMs(site: SecureSite, crowd: Crowd, kind: 'full' | 'resumed'): Promise<number> {
  const before = useOf(site.pid).cpuSeconds;
  const { resumed } = await crowd.order((worker) => ({
    ...{ order: 'handshakes', kind, port: site.mqttPort, count: worker === 0 ? HANDSHAKES : 0 },
  }));
  const isSo = kind === 'full' ? resumed === 0 : resumed >= HANDSHAKES;
  if (!isSo) throw new NanofleetError('INTERNAL', `${resumed} of ${HANDSHAKES} handshakes were resumed`);
  return ((useOf(site.pid).cpuSeconds - before) * 1_000) / HANDSHAKES;
}

async function storm(
  site: SecureSite,
  crowd: Crowd,
  given: { count: number; workers: number; events: number },
) {
  const { count, events } = given;
  const allIn = ({ connected }: Standing): boolean => connected === count;
  const begunMs = performance.now();
  await enrolAll(site, crowd, given);
  const enrolledPerS = (count * 1_000) / (performance.now() - begunMs);
  console.log(`${count} devices are enrolled, ${rounded(enrolledPerS)} a second`);
  const [fullMs, resumedMs] = [
    await handshakeMs(site, crowd, 'full'),
    await handshakeMs(site, crowd, 'resumed'),
  ];
  console.log(`a handshake costs ${rounded(fullMs)} ms of CPU, a resumed one ${rounded(resumedMs)}`);
  const coldBefore = useOf(site.pid).cpuSeconds;
  await crowd.order(() => ({ order: 'connect', withinMs: count * 10 }));
  await crowd.until('the first connection', allIn);
  const coldCpuMs = ((useOf(site.pid).cpuSeconds - coldBefore) * 1_000) / count;
  const first = await seenBy(site);
  console.log(`connected: the controller sees ${first.online} online, ${first.neverSeen} never seen`);
  await setPolicy(site, 'none');
  await crowd.order(() => ({ order: 'event', each: events }));
  const rssBytes = useOf(site.pid).rssBytes;
  await site.kill();
  const killedMs = performance.now();
  await crowd.order(() => ({ order: 'event', each: events }));
  await site.restart();
  const restartS = (performance.now() - killedMs) / 1_000;
  const warmBefore = useOf(site.pid).cpuSeconds;
  await setPolicy(site, 'mini');
  await crowd.until('the return', allIn);
  const backS = (performance.now() - killedMs) / 1_000;
  const warmCpuMs = ((useOf(site.pid).cpuSeconds - warmBefore) * 1_000) / count;
  console.log(
    `all ${count} are back ${rounded(backS)} s after the kill, ${rounded(restartS)} of them the start`,
  );
  const wanted = (await seenBy(site)).versions;
  await crowd.until('the rest', ({ versions, waiting }) => waiting === 0 && versions >= wanted);
  const settledS = (performance.now() - killedMs) / 1_000;
  await pause(WATCH_MS);
  const [seen, stored, standing] = [
    await seenBy(site),
    await storedAt(site),
    await crowd.order(() => ({ order: 'tell' })),
  ];
  return {
    ...{ restartS: rounded(restartS), backS: rounded(backS), settledS: rounded(settledS) },
    ...{ enrolledPerS: rounded(enrolledPerS), fullMs: rounded(fullMs), resumedMs: rounded(resumedMs) },
    coldCpuMs: rounded(coldCpuMs),
    warmCpuMs: rounded(warmCpuMs),
    controllerMB: rounded(rssBytes / 1e6),
    neverSeen: first.neverSeen + seen.neverSeen,
    offline: count - seen.online,
    eventsLost: count * events * 2 - stored,
    appliedTwice: standing.appliedTwice,
    versionsBehind: Math.max(0, seen.versions - standing.versions),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string', default: '500' },
      workers: { type: 'string', default: '2' },
      events: { type: 'string', default: '2' },
    },
  });
  const given = {
    count: Number(values.devices),
    workers: Number(values.workers),
    events: Number(values.events),
  };
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-storm-'));
  const site = await SecureSite.open({
    directory: join(directory, 'controller'),
    publisher: generateSigningKey(),
  });
  const crowd = new Crowd(given.workers);
  const figures = await storm(site, crowd, given);
  crowd.end();
  await site.close();
  const load = Number((await readFile('/proc/loadavg', 'utf8')).split(' ')[0]);
  await rm(directory, { recursive: true, force: true });
  const { appliedTwice, eventsLost, neverSeen, offline, versionsBehind } = figures;
  const ok = [appliedTwice, eventsLost, neverSeen, offline, versionsBehind].every((faults) => faults === 0);
  printTable([[`${given.count} devices`, 'seen'], ...Object.entries(figures)]);
  console.log(JSON.stringify({ bench: 'storm', ok, ...given, load, ...figures }));
  process.exitCode = ok ? 0 : 1;
}

await main();
