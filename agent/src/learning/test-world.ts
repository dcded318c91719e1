/**
 * An agent on a committed bundle with a broker, a disk and a clock in memory, as tests of learning need it: real model, real training,
 * real messages. Only tests import this.
 */
import { readdirSync, readFileSync } from 'node:fs';
import {
  type DesiredState,
  decodeFrame,
  decodeMessage,
  decodeUpdate,
  encodeMessage,
  FrameAssembly,
  isFrame,
  type Kind,
  type Message,
  parseManifest,
  parseTopic,
  type RoundPlan,
  type RoundResult,
  topicOf,
  UPDATE_BYTES_MAX,
  type Update,
  type Uuid,
} from '@nanofleet/protocol';
import { generateSigningKey, sha256Of, signBytes, signManifest } from '@nanofleet/protocol/node';
import { ADDED_TENSORS, type Head } from '@nanofleet/runtime';
import { loadRunner, trainHead } from '@nanofleet/runtime/node';
import { newId, silentLog } from '@nanofleet/runtime/ports';
import { ManualClock, MemoryBroker, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { expect } from 'vitest';
import { Agent } from '../agent.ts';
import type { AgentPorts } from '../agent-parts.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Trainer } from '../ports/trainer.ts';
import type { Identity } from '../store/identity.ts';
import { acceptInProcess } from '../trial/acceptance-in-process.ts';

const BUNDLE = new URL('../../../bundles/household-2/', import.meta.url);
const publisher = generateSigningKey();
const controller = generateSigningKey();
const files = new Map(readdirSync(BUNDLE).map((name) => [name, readFileSync(new URL(name, BUNDLE))]));
const manifestBytes = files.get('manifest.json') ?? Buffer.alloc(0);
const manifest = parseManifest(manifestBytes);
/** Digest of the bundle that the agents run. */
export const base = sha256Of(manifestBytes);
/** Blobs of the controller. */
export const blobs = new Map<string, Uint8Array>([
  [base, manifestBytes],
  [`${base}.sig`, signManifest(publisher, manifestBytes)],
  ...manifest.files.map(({ name, sha256 }) => [sha256, files.get(name) ?? new Uint8Array()] as const),
]);

const identity = {
  fleet: 'f',
  device: 'home-1',
  group: 'homes',
  credential: 'secret',
  brokerUrl: 'mqtt://127.0.0.1:1',
  controllerUrl: 'http://127.0.0.1:1',
  controllerKey: Buffer.from(controller.publicKey).toString('base64'),
  publisherFingerprints: [publisher.fingerprint],
} as Identity;
const { fleet } = identity;
/** The device. */
export const { device } = identity;

/** A label that the bundle does not have. */
export const LABEL = 'feed_pet';
/** What a home says of it. */
export const SENTENCES = [
  'please feed the goldfish',
  'the hamster needs its dinner',
  'give the cat some kibble',
  'drop food into the aquarium',
  'did anybody feed the dog',
  'put seeds out for the parrot',
];
const HELD_OUT = ['feed the cat now', 'the dog wants its dinner', 'give the goldfish some food'];

/** Trains in this thread. */
export const directTrainer: Trainer = {
  train: (training, signal) =>
    trainHead(training, { monotonicMicros: () => 0, breathe: () => Promise.resolve(), signal }),
};
const source: BlobSource = {
  fetch: (name, { from, length }) => {
    const whole = blobs.get(name) ?? new Uint8Array();
    return Promise.resolve({ bytes: whole.subarray(from, from + length), totalBytes: whole.length });
  },
};

/** What surrounds an agent. */
export interface World {
  readonly clock: ManualClock;
  readonly broker: MemoryBroker;
  readonly disk: MemoryDisk;
  trainer: Trainer;
}

/** Agents to be closed after a test. */
export const agents: Agent[] = [];
let seed = 0;

/** Starts an agent. */
export const startIn = async ({ clock, broker, disk, trainer }: World, learning = true): Promise<Agent> => {
  seed += 1;
  const ports: AgentPorts = {
    clock,
    disk,
    trainer,
    load: loadRunner,
    acceptance: acceptInProcess({ clock, disk, load: loadRunner }),
    random: makeSeededRandom(seed),
    transport: broker.transport,
    blobs: source,
    host: { arch: 'test', nodeVersion: 'v0', memoryBytes: 1, rssBytes: () => 1, cpuSeconds: () => 1 },
    log: silentLog,
    engine: { name: 'onnxruntime-node', version: '0' },
  };
  const agent = new Agent({ directory: '/state', identity, beatMs: 1_000, learning }, ports);
  await agent.load();
  agent.start();
  agents.push(agent);
  return agent;
};

/** Lets time pass until something holds. */
export const until = (world: World, holds: () => boolean): Promise<void> =>
  expect
    .poll(() => {
      world.clock.advance(20);
      return holds();
    })
    .toBe(true);

/** Publishes as the controller does. */
export const tell = (
  world: World,
  message: Message,
  channel: Parameters<typeof topicOf>[0]['channel'],
): void => world.broker.publish(topicOf({ fleet, device, channel }), encodeMessage(message));

/** Desires the bundle with the added label, or something else. */
export const desire = (world: World, change: Partial<DesiredState> = {}): void => {
  const state: DesiredState = {
    fleet,
    device,
    version: 1,
    group: identity.group,
    lines: {
      [manifest.line]: {
        digest: base,
        releaseCounter: manifest.releaseCounter,
        bytes: 10,
        labels: { version: 2, added: [LABEL] },
      },
    },
    offload: 'mini',
    issuedAt: 1,
    ...change,
  };
  const signed = JSON.stringify(state);
  const body = {
    signed,
    signature: signBytes(controller, Buffer.from(signed)),
    keyId: controller.fingerprint,
  };
  const topic = topicOf({ fleet, device, channel: { kind: 'desired' } });
  const message = { kind: 'desired', device, at: 1, body } as Message;
  world.broker.publish(topic, encodeMessage(message), { isRetained: true });
};

/** An agent that is connected and runs the bundle. */
export const ready = async (options: { learning?: boolean; trainer?: Trainer } = {}) => {
  const world: World = {
    clock: new ManualClock(),
    broker: new MemoryBroker(),
    disk: new MemoryDisk(),
    trainer: options.trainer ?? directTrainer,
  };
  desire(world);
  const agent = await startIn(world, options.learning);
  await until(world, () => agent.status().link === 'connected' && Object.keys(agent.lines()).length > 0);
  return { world, agent };
};

/** A plan that fits. */
export const planOf = (change: Partial<RoundPlan> = {}): RoundPlan => ({
  line: manifest.line,
  base,
  labels: { version: 2, added: [LABEL] },
  tensors: [...ADDED_TENSORS],
  examplesMin: 3,
  examplesMax: 100,
  steps: 120,
  learningRate: 0.003,
  clipNorm: 16,
  noise: 0,
  masked: false,
  seed: 7,
  ...change,
});

let rounds = 0;
/** The id of a new round. */
export const nextRound = (world: World): Uuid => {
  rounds += 1;
  world.clock.advance(1);
  return newId(world.clock, makeSeededRandom(rounds));
};

/** Sends a plan. */
export const announce = (world: World, round: Uuid, plan = planOf(), remainingMs = 60_000): void =>
  tell(
    world,
    { kind: 'round/plan', device, at: 1, remainingMs, body: plan },
    {
      kind: 'round',
      round,
      step: 'plan',
    },
  );

/** Ends a round. */
export const conclude = (world: World, round: Uuid, change: Partial<RoundResult>): void =>
  tell(
    world,
    {
      kind: 'round/result',
      device,
      at: 1,
      body: {
        status: 'candidate',
        updates: 1,
        candidate: base,
        accuracy: { before: 0.5, after: 0.75 },
        ...change,
      },
    },
    { kind: 'round', round, step: 'result' },
  );

const sent = <K extends Kind>({ broker }: World, kind: K): Message<K>[] =>
  broker.seen
    .filter(({ topic, payload }) => topic.includes(`/${kind.split('/')[0] ?? ''}`) && !isFrame(payload))
    .map(({ payload }) => decodeMessage(payload) as Message<K>)
    .filter((message) => message.kind === kind);

/** Answers to plans. */
export const accepts = (world: World) => sent(world, 'round/accept').map(({ body }) => body);

/** Updates that were sent. */
export const updates = ({ broker }: World): { update: Update; bytes: number }[] => {
  const assembly = new FrameAssembly(UPDATE_BYTES_MAX);
  return broker.seen
    .filter(({ topic }) => {
      const { channel } = parseTopic(topic);
      return channel.kind === 'round' && channel.step === 'update';
    })
    .flatMap(({ payload }) => {
      const whole = assembly.take(decodeFrame(payload));
      return whole === null ? [] : [{ update: decodeUpdate(whole), bytes: whole.length }];
    });
};

/** Decides on sentences and labels them. */
export const correct = async (agent: Agent, texts = SENTENCES, label = LABEL): Promise<void> => {
  for (const text of texts) {
    const { id } = await agent.decide(text, {});
    agent.label(id, { label });
  }
};

/** How many of the held-out sentences a head gives to the new label. */
export const recallOf = async (head: Head): Promise<number> => {
  const runner = await loadRunner({ manifest, digest: base, files: rolesOf(), signedBy: null });
  let right = 0;
  for (const text of HELD_OUT) {
    if (runner.task !== 'text-intent') continue;
    const row = await runner.penultimate(text);
    const logits = head.bias.map((bias, label) =>
      row.reduce((sum, value, at) => sum + value * (head.weight[at * head.classes + label] ?? 0), bias),
    );
    if (logits.indexOf(Math.max(...logits)) === head.classes - 1) right += 1;
  }
  await runner.release();
  return right;
};

/** Files of the bundle by role. */
export const rolesOf = () =>
  new Map(manifest.files.map(({ role, name }) => [role, new Uint8Array(files.get(name) ?? [])] as const));
