import {
  type Birth,
  type DesiredState,
  decodeMessage,
  encodeFrame,
  encodeMessage,
  type Kind,
  type Message,
  type OffloadResponse,
  parseTopic,
  topicOf,
} from '@nanofleet/protocol';
import { generateSigningKey, signBytes } from '@nanofleet/protocol/node';
import { type LogFacts, newId } from '@nanofleet/runtime/ports';
import { ManualClock, MemoryBroker, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Agent, type AgentOptions, type AgentPorts } from './agent.ts';
import { loadNothing, makeBundle, sourceOf } from './slots/test-bundles.ts';
import type { Identity } from './store/identity.ts';

const publisher = generateSigningKey();
const controller = generateSigningKey();
const one = makeBundle(publisher, { releaseCounter: 1 });
const two = makeBundle(publisher, { releaseCounter: 2 });

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

const NAMES = { areas: [{ names: ['Green Attic'] }], devices: [] };

const KUMQUAT = { word: 'kumquat', from: 0, to: 7, contribution: 1.25 };

/** A model that is sure of short texts only, finds a green attik, and explains everything by a kumquat. */
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
  return {
    ...runner,
    manifest: {
      ...runner.manifest,
      entities: { types: [{ name: 'area', value: 'area' }], tokensMax: 64 },
    },
    decide: (text) => Promise.resolve({ ...scored, verdict: verdictOn(text), entities: entitiesIn(text) }),
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

interface World {
  readonly clock: SettableClock;
  readonly broker: MemoryBroker;
  readonly disk: MemoryDisk;
}

let seed = 0;
const logged: string[] = [];
const note = (what: string, facts?: LogFacts): void => void logged.push(JSON.stringify({ what, ...facts }));
const agents: Agent[] = [];

const startIn = async (
  { clock, broker, disk }: World,
  options: Partial<AgentOptions> = {},
): Promise<Agent> => {
  seed += 1;
  const agent = new Agent(
    { directory: '/state', identity, bundles: '/bundles', beatMs: 1_000, names: NAMES, ...options },
    {
      clock,
      disk,
      load,
      random: makeSeededRandom(seed),
      transport: broker.transport,
      blobs: sourceOf(one, two),
      trainer: { train: () => Promise.reject(new TypeError('no round here trains')) },
      host: {
        ...{ arch: 'test', nodeVersion: 'v0', memoryBytes: 1, rssBytes: () => 1, cpuSeconds: () => 1 },
        boot: () => ({ id: 'boot', uptimeMs: clock.monotonicMicros() / 1_000 }),
      },
      log: { info: note, warn: note, error: note },
      engine: { name: 'none', version: '0' },
    },
  );
  await agent.load();
  agent.start();
  agents.push(agent);
  return agent;
};

const makeWorld = (): World => ({
  clock: new SettableClock(),
  broker: new MemoryBroker(),
  disk: new MemoryDisk(),
});

const connected = async (world: World, agent: Agent): Promise<void> => {
  await expect
    .poll(() => {
      world.clock.advance(100);
      return agent.status().link;
    })
    .toBe('connected');
};

const sent = <K extends Kind>({ broker }: World, kind: K): Message<K>[] =>
  broker.seen
    .filter(({ topic }) => parseTopic(topic).channel.kind === kind)
    .map(({ payload }) => decodeMessage(payload) as Message<K>);

const tell = (world: World, message: Message, options = { isRetained: false }): void => {
  const channel = { kind: message.kind } as Parameters<typeof topicOf>[0]['channel'];
  world.broker.publish(topicOf({ fleet, device, channel }), encodeMessage(message), options);
};

const desire = (world: World, change: Partial<DesiredState>, key = controller): void => {
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
const writtenIn = (disk: MemoryDisk, path: string): string =>
  disk
    .list(path)
    .map((name) => `${path}/${name}`)
    .map((at) => Buffer.from(disk.read(at) ?? []).toString('latin1') + writtenIn(disk, at))
    .join('');

const withModel = async (options: Partial<AgentOptions> = {}): Promise<{ world: World; agent: Agent }> => {
  const world = makeWorld();
  desire(world, {});
  const agent = await startIn(world, options);
  await connected(world, agent);
  await expect.poll(() => agent.lines()['intent' as never]).toBeDefined();
  return { world, agent };
};

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
});

describe('an agent with a broker', () => {
  it('is born, retained, with a will of the same session, and reports', async () => {
    const { world } = await withModel();
    const [birth] = sent(world, 'birth');
    expect(birth?.body.session).toBe(1);
    expect(world.broker.retained.has(topicOf({ fleet, device, channel: { kind: 'birth' } }))).toBe(true);
    expect(sent(world, 'reported').length).toBeGreaterThan(0);
  });

  it('counts its sessions up over connections and restarts', async () => {
    const { world, agent } = await withModel();
    world.broker.crash();
    await expect.poll(() => agent.status().link).toBe('offline');
    world.broker.isUp = true;
    await connected(world, agent);
    await agent.close();
    const again = await startIn({ ...world, disk: world.disk.afterKill() });
    await connected(world, again);
    expect(sent(world, 'birth').map(({ body }) => body.session)).toEqual([1, 2, 3]);
    expect(sent(world, 'death').map(({ body }) => body.reason)).toEqual(['stopped']);
  });

  it('delivers decisions until they are acknowledged, each under one identity', async () => {
    const { world, agent } = await withModel();
    const { id } = await agent.decide('light on', {});
    await expect
      .poll(() => {
        world.clock.advance(20);
        return sent(world, 'event').length;
      })
      .toBe(1);
    world.broker.crash();
    world.broker.isUp = true;
    await expect.poll(() => agent.status().link).not.toBe('connected');
    await connected(world, agent);
    const [first, second] = sent(world, 'event');
    expect(second).toEqual(first);
    expect(first?.body).toMatchObject({ type: 'decision', decision: id, verdict: 'sure' });
    const { epoch, sequence } = first?.record ?? { epoch: '', sequence: 0 };
    tell(world, {
      kind: 'ack',
      device,
      at: 1,
      body: { epoch, ranges: [[sequence, sequence]] },
    } as Message<'ack'>);
    await expect.poll(() => agent.status().waiting).toBe(0);
  });

  it('decides with no broker, and offers what it is not sure of when one is there', async () => {
    const { world, agent } = await withModel();
    world.broker.crash();
    await expect.poll(() => agent.status().link).toBe('offline');
    const decision = await agent.decide('mail bob@example.com a long text', {});
    expect(decision).toMatchObject({ verdict: 'unsure', offload: { status: 'queued' } });
    expect(agent.outbound().entries).toEqual([]);
    world.broker.isUp = true;
    await connected(world, agent);
    const [request] = sent(world, 'offload/req');
    expect(request?.body).toMatchObject({
      decision: decision.id,
      text: 'mail <email> a long text',
      redacted: { email: 1 },
    });
    expect(agent.outbound().entries).toMatchObject([
      { decision: decision.id, what: 'offload', redacted: { email: 1 } },
    ]);
    expect(
      JSON.stringify(world.broker.seen.map(({ payload }) => Buffer.from(payload).toString())),
    ).not.toContain('bob');
  });

  it('keeps entities on the device: they are in its own answer and in nothing that it sends', async () => {
    const { world, agent } = await withModel();
    const decision = await agent.decide('turn the light in the green attik on', {});
    const area = { type: 'area', start: 22, end: 33, value: { kind: 'area', name: 'Green Attic' } };
    expect(decision).toMatchObject({ entities: [area], offload: { status: 'queued' } });
    expect(agent.decision(decision.id)).toMatchObject({ entities: [area] });
    await connected(world, agent);
    await expect.poll(() => sent(world, 'event').length).toBeGreaterThan(0);
    const all = JSON.stringify(world.broker.seen.map(({ payload }) => Buffer.from(payload).toString()));
    expect(all).toContain(decision.id);
    for (const local of ['"start"', 'Green Attic']) expect(all).not.toContain(local);
  });

  it('explains where the device allows it, only in its answer and only when asked', async () => {
    const { world, agent } = await withModel();
    desire(world, { version: 2, explanations: 'local' });
    await expect.poll(() => agent.status().explanations).toBe('local');
    const told: unknown[] = [];
    for (const text of ['light on', 'a text that is too long to know']) {
      expect(await agent.decide(text, {})).not.toHaveProperty('explanation');
      const answer = await agent.decide(text, { explain: true, durable: true });
      expect(answer.explanation).toEqual({ words: [KUMQUAT], ngrams: [] });
      expect(agent.decision(answer.id)).not.toHaveProperty('explanation');
      if (text !== 'light on') agent.reply(answer.id, (line) => told.push(line));
    }
    await expect.poll(() => (world.clock.advance(20), sent(world, 'offload/req').length)).toBe(2);
    await expect.poll(() => (world.clock.advance(20), sent(world, 'event').length)).toBe(4);
    const seen = world.broker.seen.map(({ payload }) => Buffer.from(payload).toString('latin1'));
    const everything = [...seen, ...logged, JSON.stringify(told), writtenIn(world.disk, '/state')].join('');
    expect(everything).toContain('too long to know');
    for (const word of ['kumquat', 'contribution', '"explanation"']) expect(everything).not.toContain(word);
  });

  it('explains nothing where the policy of its group does not allow it, says who may, and decides all the same', async () => {
    const { world, agent } = await withModel();
    const refused = async (reason: RegExp): Promise<void> => {
      const answer = await agent.decide('light on', { explain: true });
      expect(answer).toMatchObject({ label: 'on', verdict: 'sure' });
      expect(answer.explanation).toMatchObject({ code: 'EXPLANATION_REFUSED' });
      expect(JSON.stringify(answer.explanation)).toMatch(reason);
    };
    await refused(/operator .* nanofleet groups explanations homes local/);
    desire(world, { version: 2, explanations: 'local' });
    await expect.poll(() => agent.status().explanations).toBe('local');
    desire(world, { version: 3, explanations: 'never' });
    await expect.poll(() => agent.status().explanations).toBe('never');
    await refused(/group homes/);
  });

  it('explains nothing where whoever runs it forbids that, whatever the policy', async () => {
    const { world, agent } = await withModel({ explanations: false });
    desire(world, { version: 2, explanations: 'local' });
    await expect.poll(() => agent.status().desiredVersion).toBe(2);
    expect(agent.status().explanations).toBe('never');
    const { explanation } = await agent.decide('light on', { explain: true });
    expect(JSON.stringify(explanation)).toMatch(/EXPLANATION_REFUSED.*--no-explanations/);
  });

  it('explains nothing before a controller has said that it may', async () => {
    const agent = await startIn(makeWorld());
    expect(agent.status()).toMatchObject({ desiredVersion: 0, explanations: 'never' });
  });

  it('explains after a restart without a controller as its last desired state says', async () => {
    const { world, agent } = await withModel();
    desire(world, { version: 2, explanations: 'local' });
    await expect.poll(() => agent.status().explanations).toBe('local');
    world.broker.crash();
    await agent.close();
    const again = await startIn({ ...world, disk: world.disk.afterKill() });
    expect(again.status()).toMatchObject({ desiredVersion: 2, explanations: 'local' });
  });

  it('sends a question asked without a connection with the time that is left, whatever the clock was set to', async () => {
    const { world, agent } = await withModel();
    world.broker.crash();
    await expect.poll(() => agent.status().link).toBe('offline');
    const [kept, expired] = [
      await agent.decide('a text that may wait long', { deadlineMs: 600_000 }),
      await agent.decide('a text that may not wait', { deadlineMs: 1_000 }),
    ];
    world.clock.aheadMs += 86_400_000;
    world.clock.advance(60_000);
    world.broker.isUp = true;
    await connected(world, agent);
    await expect.poll(() => sent(world, 'offload/req').length).toBe(1);
    const [request] = sent(world, 'offload/req');
    expect(request?.body.decision).toBe(kept.id);
    expect(request?.remainingMs).toBeGreaterThan(400_000);
    expect(request?.remainingMs).toBeLessThanOrEqual(540_000);
    expect(agent.decision(expired.id)?.offload.status).toBe('expired');
    expect(agent.decision(kept.id)?.offload.status).toBe('queued');
    await agent.close();
    world.clock.aheadMs -= 30 * 86_400_000;
    const again = await startIn({ ...world, disk: world.disk.afterKill() });
    await connected(world, again);
    expect(again.decision(kept.id)?.offload.status).toBe('queued');
    await expect.poll(() => sent(world, 'offload/req').length).toBe(2);
    expect(sent(world, 'offload/req')[1]?.remainingMs).toBeLessThanOrEqual(540_000);
  });

  it('shows the reply of a bigger tier as its frames come, and at last the decision', async () => {
    const { world, agent } = await withModel();
    const { id } = await agent.decide('a text that is too long to know', {});
    const shown: object[] = [];
    agent.reply(id, (line) => shown.push('text' in line ? line : { status: line.decision.offload.status }));
    const topic = topicOf({ fleet, device, channel: { kind: 'offload/res' } });
    for (const [index, text] of ['I can', ' do', ' that'].entries()) {
      const payload = Buffer.from(text);
      const frame = encodeFrame({ kind: 'tokens', correlation: id, index, isLast: index === 2, payload });
      world.broker.publish(topic, frame, { isRetained: false });
    }
    const stranger = newId(world.clock, makeSeededRandom(99));
    const frame = encodeFrame({
      kind: 'tokens',
      correlation: stranger,
      index: 0,
      isLast: true,
      payload: Buffer.from('x'),
    });
    world.broker.publish(topic, frame, { isRetained: false });
    await expect.poll(() => shown).toEqual([{ text: 'I can' }, { text: ' do' }, { text: ' that' }]);
    const body: OffloadResponse = {
      ...{ decision: id, tier: 'cloud', label: 'off', confidence: 1, outOfScope: 0, verdict: 'sure' },
      ...{ version: 'm', digest: null, micros: 5, reply: 'I can do that', entities: [] },
    };
    tell(world, { kind: 'offload/res', device, at: 1, body });
    await expect.poll(() => shown.at(-1)).toEqual({ status: 'answered' });
    expect(agent.decision(id)?.offload.answer).toMatchObject({ reply: 'I can do that', entities: [] });
    expect(() => agent.reply(stranger, () => undefined)).toThrow(/is remembered/);
  });

  it('takes the answer of a bigger tier under the same id, also after a restart', async () => {
    const { world, agent } = await withModel();
    const { id } = await agent.decide('a text that is too long to know', {});
    await agent.close();
    const again = await startIn({ ...world, disk: world.disk.afterKill() });
    await connected(world, again);
    const births = sent(world, 'birth').map(({ body }: { body: Birth }) => body.awaiting);
    expect(births.at(-1)).toEqual([id]);
    const body: OffloadResponse = {
      decision: id,
      tier: 'mini',
      label: 'off',
      confidence: 0.9,
      outOfScope: 0,
      verdict: 'sure',
      version: '1',
      digest: null,
      micros: 5,
    };
    tell(world, { kind: 'offload/res', device, at: 1, body });
    await expect.poll(() => again.decision(id)?.offload.status).toBe('answered');
  });

  it('keeps texts to itself when policy says so', async () => {
    const { world, agent } = await withModel();
    desire(world, { version: 2, offload: 'none' });
    await expect.poll(() => agent.status().offload).toBe('none');
    const { offload } = await agent.decide('a text that is too long to know', {});
    expect(offload).toEqual({ status: 'refused', code: 'OFFLOAD_REFUSED' });
    world.clock.advance(1_000);
    expect(sent(world, 'offload/req')).toEqual([]);
  });

  it('follows a new version and answers all the time', async () => {
    const { world, agent } = await withModel();
    desire(world, { version: 2, lines: { intent: { ...two.wish, bytes: 10 } } as DesiredState['lines'] });
    const versions = new Set<string>();
    await expect
      .poll(async () => {
        versions.add((await agent.decide('light on', {})).version);
        return versions.has('2.0.0');
      })
      .toBe(true);
    expect([...versions]).toEqual(['1.0.0', '2.0.0']);
  });

  it.each([
    ['another key', () => ({ key: generateSigningKey(), change: {} })],
    [
      'the state of another device',
      () => ({ key: controller, change: { device: 'home-2' as typeof device } }),
    ],
  ])('refuses a desired state with %s, and says so', async (_why, given) => {
    const { world, agent } = await withModel();
    const { key, change } = given();
    desire(world, { version: 9, offload: 'none', ...change }, key);
    await expect.poll(() => agent.status().problems.map(({ code }) => code)).toEqual(['DESIRED_REFUSED']);
    expect(agent.status()).toMatchObject({ desiredVersion: 1, offload: 'mini' });
  });

  it('ignores a desired state that is older than the last', async () => {
    const { world, agent } = await withModel();
    desire(world, { version: 5, offload: 'cloud' });
    await expect.poll(() => agent.status().offload).toBe('cloud');
    desire(world, { version: 4, offload: 'none' });
    desire(world, { version: 6, offload: 'mini' });
    await expect.poll(() => agent.status().desiredVersion).toBe(6);
    expect(agent.status().problems).toEqual([]);
  });

  it('lets nothing leave when the last desired state was lost, until the controller says again', async () => {
    const { world, agent } = await withModel();
    await agent.close();
    const disk = world.disk.afterKill();
    disk.open('/state/desired.json').write(Buffer.from('garbage'), 0);
    world.broker.crash();
    const again = await startIn({ ...world, disk });
    expect(again.status().offload).toBe('none');
    world.broker.isUp = true;
    await connected(world, again);
    await expect.poll(() => again.status().offload).toBe('mini');
  });

  it('drops what does not decode and lives on', async () => {
    const { world, agent } = await withModel();
    for (const kind of ['desired', 'ack', 'offload/res'] as const) {
      world.broker.publish(topicOf({ fleet, device, channel: { kind } }), Buffer.from('{"v":1'));
    }
    const job = newId(world.clock, makeSeededRandom(1));
    world.broker.publish(topicOf({ fleet, device, channel: { kind: 'job', job } }), Buffer.from([0xff, 0]));
    expect((await agent.decide('light on', {})).label).toBe('on');
    expect(agent.status().link).toBe('connected');
  });

  it('does a job once, however often it is delivered', async () => {
    const { world, agent } = await withModel();
    expect(agent.status().link).toBe('connected');
    const job = newId(world.clock, makeSeededRandom(2));
    const message = {
      kind: 'job',
      device,
      at: 1,
      body: { execution: 1, task: 'trim-outbound' },
    } as Message<'job'>;
    for (let index = 0; index < 3; index += 1) {
      world.broker.publish(topicOf({ fleet, device, channel: { kind: 'job', job } }), encodeMessage(message));
    }
    await expect.poll(() => sent(world, 'job/state').length).toBe(3);
    expect(sent(world, 'job/state').map(({ body }) => body.status)).toEqual([
      'succeeded',
      'succeeded',
      'succeeded',
    ]);
  });
});

describe('two processes with one identity', () => {
  it('do not take the connection from each other: the one that lost it leaves and says so', async () => {
    const { world, agent } = await withModel();
    const other = await startIn({ ...world, disk: world.disk.afterKill() });
    await expect.poll(() => other.status().link).toBe('connected');
    await expect
      .poll(() => {
        world.clock.advance(200);
        return agent.status().link;
      })
      .toBe('identity-in-use');
    expect(agent.status().problems.map(({ code }) => code)).toContain('IDENTITY_IN_USE');
    const reported = sent(world, 'reported').filter(({ body }) => body.problems.length > 0);
    expect(reported.at(-1)?.body.problems[0]?.code).toBe('IDENTITY_IN_USE');
    await expect
      .poll(() => {
        world.clock.advance(200);
        return other.status().link;
      })
      .toBe('connected');
    const births = sent(world, 'birth').length;
    world.clock.advance(60_000);
    await Promise.resolve();
    expect(sent(world, 'birth')).toHaveLength(births);
    expect((await agent.decide('light on', {})).label).toBe('on');
  });
});
