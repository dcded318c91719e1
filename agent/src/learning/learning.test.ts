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
  type OffloadResponse,
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
import {
  ADDED_TENSORS,
  encodeHead,
  grownHead,
  type Head,
  headOf,
  headPlus,
  normOf,
  valuesOf,
} from '@nanofleet/runtime';
import { loadRunner, trainHead } from '@nanofleet/runtime/node';
import { newId, silentLog } from '@nanofleet/runtime/ports';
import { ManualClock, MemoryBroker, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Agent, type AgentPorts } from '../agent.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Trainer } from '../ports/trainer.ts';
import type { Identity } from '../store/identity.ts';

const BUNDLE = new URL('../../../bundles/intent-2/', import.meta.url);
const publisher = generateSigningKey();
const controller = generateSigningKey();
const files = new Map(readdirSync(BUNDLE).map((name) => [name, readFileSync(new URL(name, BUNDLE))]));
const manifestBytes = files.get('manifest.json') ?? Buffer.alloc(0);
const manifest = parseManifest(manifestBytes);
const base = sha256Of(manifestBytes);
const blobs = new Map<string, Uint8Array>([
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
const { fleet, device } = identity;

const LABEL = 'feed_pet';
const SENTENCES = [
  'please feed the goldfish',
  'the hamster needs its dinner',
  'give the cat some kibble',
  'drop food into the aquarium',
  'did anybody feed the dog',
  'put seeds out for the parrot',
];
const HELD_OUT = ['feed the cat now', 'the dog wants its dinner', 'give the goldfish some food'];

const directTrainer: Trainer = {
  train: (training, signal) =>
    trainHead(training, { monotonicMicros: () => 0, breathe: () => Promise.resolve(), signal }),
};
const source: BlobSource = {
  fetch: (name, { from, length }) => {
    const whole = blobs.get(name) ?? new Uint8Array();
    return Promise.resolve({ bytes: whole.subarray(from, from + length), totalBytes: whole.length });
  },
};

interface World {
  readonly clock: ManualClock;
  readonly broker: MemoryBroker;
  readonly disk: MemoryDisk;
  trainer: Trainer;
}

const agents: Agent[] = [];
let seed = 0;

const startIn = async ({ clock, broker, disk, trainer }: World, learning = true): Promise<Agent> => {
  seed += 1;
  const ports: AgentPorts = {
    clock,
    disk,
    trainer,
    load: loadRunner,
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
const until = (world: World, holds: () => boolean): Promise<void> =>
  expect
    .poll(
      () => {
        world.clock.advance(20);
        return holds();
      },
      { timeout: 20_000 },
    )
    .toBe(true);

const tell = (world: World, message: Message, channel: Parameters<typeof topicOf>[0]['channel']): void =>
  world.broker.publish(topicOf({ fleet, device, channel }), encodeMessage(message));

const desire = (world: World, change: Partial<DesiredState> = {}): void => {
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

const ready = async (options: { learning?: boolean; trainer?: Trainer } = {}) => {
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

const planOf = (change: Partial<RoundPlan> = {}): RoundPlan => ({
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
const nextRound = (world: World): Uuid => {
  rounds += 1;
  world.clock.advance(1);
  return newId(world.clock, makeSeededRandom(rounds));
};

const announce = (world: World, round: Uuid, plan = planOf(), remainingMs = 60_000): void =>
  tell(
    world,
    { kind: 'round/plan', device, at: 1, remainingMs, body: plan },
    {
      kind: 'round',
      round,
      step: 'plan',
    },
  );

const conclude = (world: World, round: Uuid, change: Partial<RoundResult>): void =>
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

const accepts = (world: World) => sent(world, 'round/accept').map(({ body }) => body);

const updates = ({ broker }: World): { update: Update; bytes: number }[] => {
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

const correct = async (agent: Agent, texts = SENTENCES, label = LABEL): Promise<void> => {
  for (const text of texts) {
    const { id } = await agent.decide(text, {});
    agent.label(id, { label });
  }
};

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
});

/** How many of the held-out sentences a head would give to the new label. */
const recallOf = async (head: Head): Promise<number> => {
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

const rolesOf = () =>
  new Map(manifest.files.map(({ role, name }) => [role, new Uint8Array(files.get(name) ?? [])] as const));

describe('an agent that is asked for a round', () => {
  it('trains on its corrections and sends an update that knows the new label', async () => {
    const { world, agent } = await ready();
    await correct(agent);
    announce(world, nextRound(world));
    await until(world, () => updates(world).length === 1);
    expect(accepts(world)).toEqual([{ examples: SENTENCES.length }]);
    const [{ update, bytes } = { update: null, bytes: 0 }] = updates(world);
    expect(update).toMatchObject({ base, labelsVersion: 2, examples: SENTENCES.length });
    const differences = (update?.tensors ?? []).map(valuesOf);
    expect(differences.map(({ length }) => length)).toEqual([256, 1]);
    expect(bytes).toBeLessThanOrEqual(1.3 * 257);
    expect(normOf(differences)).toBeLessThanOrEqual(16);
    const start = grownHead(headOf(rolesOf().get('infer.int8') ?? new Uint8Array()), 151);
    expect(await recallOf(start)).toBe(0);
    expect(await recallOf(headPlus(start, differences))).toBeGreaterThanOrEqual(2);
  });

  it('lets nothing of a text leave, on the wire, in the status or in the files that list what left', async () => {
    const { world, agent } = await ready();
    desire(world, { version: 2, offload: 'none' });
    await until(world, () => agent.status().offload === 'none');
    await correct(agent);
    desire(world, { version: 3, offload: 'mini' });
    await until(world, () => agent.status().offload === 'mini');
    announce(world, nextRound(world));
    await until(world, () => updates(world).length === 1);
    agent.wipe();
    world.clock.advance(5_000);
    const wire = world.broker.seen
      .map(({ topic, payload }) => topic + Buffer.from(payload).toString('latin1'))
      .join();
    const said = wire + JSON.stringify([agent.status(), agent.examples(), agent.outbound()]);
    const words = new Set(SENTENCES.flatMap((text) => text.split(' ')).filter((word) => word.length > 4));
    expect(words.size).toBeGreaterThan(8);
    for (const word of words) expect(said).not.toContain(word);
    const { entries } = agent.outbound();
    expect(entries.filter(({ what }) => what === 'update')).toMatchObject([
      { bytes: 321, redacted: {}, policy: 'mini' },
    ]);
  });

  it('begins where the plan says, and refuses a start that is not what the plan names', async () => {
    const { world, agent } = await ready();
    await correct(agent);
    const own = grownHead(headOf(rolesOf().get('infer.int8') ?? new Uint8Array()), 151);
    const start = encodeHead({ ...own, bias: own.bias.with(150, -40) });
    const digest = sha256Of(start);
    blobs.set(digest, start);
    announce(world, nextRound(world), planOf({ start: { digest, bytes: start.length }, steps: 1 }));
    await until(world, () => updates(world).length === 1);
    blobs.set(digest, encodeHead(own));
    announce(world, nextRound(world), planOf({ start: { digest, bytes: start.length } }));
    await until(world, () => accepts(world).at(-1)?.code !== undefined);
    expect(accepts(world).at(-1)).toEqual({ examples: 0, code: 'DIGEST_MISMATCH' });
    expect(agent.status().learning.lastRound).toMatchObject({ state: 'stopped', code: 'DIGEST_MISMATCH' });
  });

  it('does nothing twice when the plan comes again, and sends the same update again', async () => {
    let trained = 0;
    const trainer: Trainer = {
      train: (training, signal) => {
        trained += 1;
        return directTrainer.train(training, signal);
      },
    };
    const { world, agent } = await ready({ trainer });
    await correct(agent);
    const round = nextRound(world);
    announce(world, round);
    announce(world, round);
    await until(world, () => updates(world).length === 1);
    announce(world, round);
    await until(world, () => updates(world).length === 2);
    world.broker.crash();
    await until(world, () => agent.status().link === 'offline');
    world.broker.isUp = true;
    await until(world, () => updates(world).length === 3);
    const [first, second, third] = updates(world);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(trained).toBe(1);
    conclude(world, round, {});
    await until(world, () => agent.status().learning.lastRound?.state === 'candidate');
    expect(agent.status().learning.lastRound?.accuracy).toEqual({ before: 0.5, after: 0.75 });
    expect(agent.outbound().entries.filter(({ what }) => what === 'update')).toHaveLength(1);
  });

  it('carries what rounding lost into the next update on the same base', async () => {
    const { world, agent } = await ready();
    await correct(agent);
    for (let index = 0; index < 2; index += 1) {
      const round = nextRound(world);
      announce(world, round);
      await until(world, () => updates(world).length === index + 1);
      conclude(world, round, {});
    }
    const [first, second] = updates(world).map(({ update }) => update.tensors[0]);
    expect(second?.codes).not.toEqual(first?.codes);
    expect(world.disk.list('/state/learning')).toContain('residue-intent.bin');
  });

  it.each([
    ['its base does not run', planOf({ base: 'b'.repeat(64) as RoundPlan['base'] }), 'UPDATE_BASE_WRONG'],
    ['it has too few examples', planOf({ examplesMin: 50 }), 'EXAMPLES_TOO_FEW'],
    ['masks are asked for', planOf({ masked: true }), 'ROUND_DECLINED'],
  ])('declines with a code when %s', async (_why, plan, code) => {
    const { world, agent } = await ready();
    await correct(agent, SENTENCES.slice(0, 3));
    announce(world, nextRound(world), plan);
    await until(world, () => accepts(world).length === 1);
    expect(accepts(world)).toEqual([{ examples: 0, code }]);
    expect(updates(world)).toEqual([]);
  });

  it('takes no part when it was told not to, and keeps learning from labels all the same', async () => {
    const { world, agent } = await ready({ learning: false });
    await correct(agent);
    announce(world, nextRound(world));
    await until(world, () => accepts(world).length === 1);
    expect(accepts(world)).toEqual([{ examples: 0, code: 'ROUND_DECLINED' }]);
    expect(agent.status().learning).toMatchObject({ isOn: false, examples: SENTENCES.length });
  });

  it('gives up at the deadline, at a wipe and when the group may send nothing any more', async () => {
    const signals: AbortSignal[] = [];
    const trainer: Trainer = {
      train: (_training, signal) => {
        signals.push(signal);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      },
    };
    const { world, agent } = await ready({ trainer });
    await correct(agent);
    announce(world, nextRound(world), planOf(), 500);
    await until(world, () => signals.length === 1);
    await until(world, () => accepts(world).length === 2);
    expect(accepts(world)[1]).toEqual({ examples: 0, code: 'ROUND_OVER' });
    announce(world, nextRound(world));
    await until(world, () => signals.length === 2);
    expect(agent.wipe()).toMatchObject({ examples: SENTENCES.length, texts: SENTENCES.length });
    await until(world, () => accepts(world).length === 4);
    expect(accepts(world)[3]).toEqual({ examples: 0, code: 'ROUND_DECLINED' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(updates(world)).toEqual([]);
    expect(agent.examples()).toEqual({ labels: [], total: 0, bytes: 0, oldestAt: null });
  });

  it('says so when training fails, and answers on', async () => {
    const trainer: Trainer = { train: () => Promise.reject(new TypeError('the thread died')) };
    const { world, agent } = await ready({ trainer });
    await correct(agent);
    announce(world, nextRound(world));
    await until(world, () => accepts(world).length === 2);
    expect(accepts(world)).toEqual([{ examples: SENTENCES.length }, { examples: 0, code: 'INTERNAL' }]);
    expect((await agent.decide('what is my balance', {})).label).toBe('balance');
  });
});

describe('labels', () => {
  it('are taken for the last decision, corrected, and counted', async () => {
    const { agent } = await ready();
    const { id } = await agent.decide('please feed the goldfish', {});
    expect(agent.label('last', { label: LABEL })).toEqual({
      decision: id,
      line: 'intent',
      label: LABEL,
      outcome: 'new',
      examples: 1,
    });
    expect(agent.label(id, { label: LABEL }).outcome).toBe('same');
    expect(agent.label(id, { label: 'alarm' }).outcome).toBe('changed');
    expect(agent.label(id, { outOfScope: true })).toMatchObject({ label: null, outcome: 'changed' });
    expect(agent.teach({ text: 'wake me at six', label: 'alarm' })).toMatchObject({
      decision: null,
      outcome: 'new',
    });
    expect(agent.examples().labels).toEqual([
      { line: 'intent', label: null, local: 1, offloaded: 0 },
      { line: 'intent', label: 'alarm', local: 1, offloaded: 0 },
    ]);
  });

  it('are refused with names that are near, for a decision that is not remembered, and for no text', async () => {
    const { world, agent } = await ready();
    const { id } = await agent.decide('please feed the goldfish', {});
    const codeOf = (work: () => unknown): unknown => {
      try {
        return work();
      } catch (thrown) {
        return thrown;
      }
    };
    expect(codeOf(() => agent.label(id, { label: 'feed_pets' }))).toMatchObject({
      code: 'LABEL_UNKNOWN',
      message: expect.stringContaining('did you mean: feed_pet') as string,
    });
    expect(codeOf(() => agent.teach({ text: ' ', label: 'alarm' }))).toMatchObject({ code: 'TEXT_EMPTY' });
    await agent.close();
    agents.length = 0;
    const again = await startIn({ ...world, disk: world.disk.afterKill() });
    expect(codeOf(() => again.label(id, { label: 'alarm' }))).toMatchObject({ code: 'DECISION_UNKNOWN' });
    expect(codeOf(() => again.label('last', { label: 'alarm' }))).toMatchObject({ code: 'DECISION_UNKNOWN' });
  });

  it('come from bigger tiers that are sure, and never against a correction', async () => {
    const { world, agent } = await ready();
    const [asked, corrected, unsure] = ['flibber the wug', 'blorp the zib', 'grup the mot'];
    const decisions = await Promise.all([asked, corrected, unsure].map((text) => agent.decide(text, {})));
    expect(decisions.map(({ offload }) => offload.status)).toEqual(['queued', 'queued', 'queued']);
    agent.label(decisions[1]?.id ?? '', { label: LABEL });
    const answer = (at: number, verdict: OffloadResponse['verdict']): void =>
      tell(
        world,
        {
          kind: 'offload/res',
          device,
          at: 1,
          correlation: decisions[at]?.id,
          body: {
            decision: decisions[at]?.id,
            tier: 'mini',
            label: 'alarm',
            confidence: 0.9,
            outOfScope: 0,
            verdict,
            version: '1',
            digest: null,
            micros: 5,
          },
        } as Message,
        { kind: 'offload/res' },
      );
    answer(0, 'sure');
    answer(1, 'sure');
    answer(2, 'unsure');
    await until(world, () => decisions.every(({ id }) => agent.decision(id)?.offload.status !== 'queued'));
    expect(agent.examples().labels).toEqual([
      { line: 'intent', label: LABEL, local: 1, offloaded: 0 },
      { line: 'intent', label: 'alarm', local: 0, offloaded: 1 },
    ]);
  });
});
