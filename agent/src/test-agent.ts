// An agent in a world of its own for tests: broker, clock and disk in memory, and a model that is sure of short texts only.
import {
  type DesiredState,
  decodeMessage,
  encodeMessage,
  type Kind,
  type Message,
  parseTopic,
  topicOf,
} from '@nanofleet/protocol';
import { generateSigningKey, signBytes } from '@nanofleet/protocol/node';
import { type LogFacts } from '@nanofleet/runtime/ports';
import { ManualClock, MemoryBroker, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { afterEach, expect } from 'vitest';
import { Agent } from './agent.ts';
import type { AgentOptions, AgentPorts } from './agent-parts.ts';
import { loadNothing, makeBundle, sourceOf } from './slots/test-bundles.ts';
import type { Identity } from './store/identity.ts';
import { acceptInProcess } from './trial/acceptance-in-process.ts';

const publisher = generateSigningKey();
export const deviceKey = generateSigningKey();
export const controller = generateSigningKey();
const one = makeBundle(publisher, { releaseCounter: 1 });
export const two = makeBundle(publisher, { releaseCounter: 2 });

export const identity = {
  fleet: 'f',
  device: 'home-1',
  group: 'homes',
  credential: 'secret',
  brokerUrl: 'mqtt://127.0.0.1:1',
  controllerUrl: 'http://127.0.0.1:1',
  controllerKey: Buffer.from(controller.publicKey).toString('base64'),
  publisherFingerprints: [publisher.fingerprint],
} as Identity;
const { fleet, device } = identity;

const NAMES = { areas: [{ names: ['Green Attic'] }], devices: [] };

export const KUMQUAT = { word: 'kumquat', from: 0, to: 7, contribution: 1.25 };

/**
 * A model that is sure of short texts only, finds a green attik, and explains everything by a kumquat. Its second version
 * knows what `off` means.
 */
const load: AgentPorts['load'] = async (bundle) => {
  const runner = await loadNothing(bundle);
  if (runner.task !== 'text-intent') return runner;
  const scored = {
    label: 'on',
    labelIndex: 0,
    confidence: 0.9,
    outOfScope: 0.1,
    logits: new Float32Array(2),
  };
  const entitiesIn = (text: string) => {
    const start = text.indexOf('green attik');
    return start < 0 ? [] : [{ type: 'area', start, end: start + 11 }];
  };
  const verdictOn = (text: string) => (text.length < 10 ? 'sure' : 'unsure');
  const isOff = (text: string) => runner.releaseCounter === 2 && text.startsWith('off');
  return {
    ...runner,
    manifest: {
      ...runner.manifest,
      entities: { types: [{ name: 'area', value: 'area' }], tokensMax: 64 },
    },
    decide: (text) =>
      Promise.resolve({
        ...scored,
        ...(isOff(text) ? { label: 'off', labelIndex: 1 } : {}),
        verdict: verdictOn(text),
        entities: entitiesIn(text),
      }),
    explain: () => Promise.resolve({ words: [KUMQUAT], ngrams: [] }),
  };
};

/** A clock that can be set. */
class SettableClock extends ManualClock {
  aheadMs = 0;

  override unixMs(): number {
    return super.unixMs() + this.aheadMs;
  }
}

export interface World {
  readonly clock: SettableClock;
  readonly broker: MemoryBroker;
  readonly disk: MemoryDisk;
}

let seed = 0;
export const logged: string[] = [];
const note = (what: string, facts?: LogFacts): void => void logged.push(JSON.stringify({ what, ...facts }));
const agents: Agent[] = [];

export const startIn = async (
  { clock, broker, disk }: World,
  options: Partial<AgentOptions> = {},
  host: Partial<AgentPorts['host']> = {},
): Promise<Agent> => {
  seed += 1;
  const agent = new Agent(
    { directory: '/state', identity, bundles: '/bundles', beatMs: 1_000, names: NAMES, ...options },
    {
      clock,
      disk,
      load,
      acceptance: acceptInProcess({ clock, disk, load }),
      random: makeSeededRandom(seed),
      transport: broker.transport,
      blobs: sourceOf(one, two),
      trainer: { train: () => Promise.reject(new TypeError('no round here trains')) },
      host: {
        ...{ arch: 'test', nodeVersion: 'v0', memoryBytes: 1, rssBytes: () => 1, cpuSeconds: () => 1 },
        boot: () => ({ id: 'boot', uptimeMs: clock.monotonicMicros() / 1_000 }),
        ...host,
      },
      log: { info: note, warn: note, error: note },
      engine: { name: 'none', version: '0' },
      deviceKey,
    },
  );
  await agent.load();
  agent.start();
  agents.push(agent);
  return agent;
};

export const makeWorld = (): World => ({
  clock: new SettableClock(),
  broker: new MemoryBroker(),
  disk: new MemoryDisk(),
});

export const connected = async (world: World, agent: Agent): Promise<void> => {
  await expect
    .poll(() => {
      world.clock.advance(100);
      return agent.status().link;
    })
    .toBe('connected');
};

export const sent = <K extends Kind>({ broker }: World, kind: K): Message<K>[] =>
  broker.seen
    .filter(({ topic }) => parseTopic(topic).channel.kind === kind)
    .map(({ payload }) => decodeMessage(payload) as Message<K>);

export const tell = (world: World, message: Message, options = { isRetained: false }): void => {
  const channel = { kind: message.kind } as Parameters<typeof topicOf>[0]['channel'];
  world.broker.publish(topicOf({ fleet, device, channel }), encodeMessage(message), options);
};

export const desire = (world: World, change: Partial<DesiredState>, key = controller): void => {
  const state = {
    fleet,
    device,
    version: 1,
    group: 'homes',
    lines: { intent: { ...one.wish, bytes: 10 } },
    offload: 'mini',
    issuedAt: 1,
    ...change,
  };
  const signed = JSON.stringify(state);
  const body = { signed, signature: signBytes(key, Buffer.from(signed)), keyId: key.fingerprint };
  tell(world, { kind: 'desired', device, at: 1, body }, { isRetained: true });
};

/** Everything that lies on a disk. */
export const writtenIn = (disk: MemoryDisk, path: string): string =>
  disk
    .list(path)
    .map((name) => `${path}/${name}`)
    .map((at) => Buffer.from(disk.read(at) ?? []).toString('latin1') + writtenIn(disk, at))
    .join('');

export const withModel = async (
  options: Partial<AgentOptions> = {},
  host: Partial<AgentPorts['host']> = {},
): Promise<{ world: World; agent: Agent }> => {
  const world = makeWorld();
  desire(world, {});
  const agent = await startIn(world, options, host);
  await connected(world, agent);
  await expect.poll(() => agent.lines()['intent' as never]).toBeDefined();
  return { world, agent };
};

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
});
