// Behaviour of an agent with a broker in memory: births, decisions, entities, new versions, desired states, jobs, and two
// processes with one identity.
import {
  attestedStateSchema,
  type DesiredState,
  encodeMessage,
  type Message,
  topicOf,
} from '@nanofleet/protocol';
import { generateSigningKey, isSignedBy } from '@nanofleet/protocol/node';
import { newId } from '@nanofleet/runtime/ports';
import { makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import {
  connected,
  controller,
  desire,
  deviceKey,
  identity,
  sent,
  startIn,
  tell,
  two,
  withModel,
} from './test-agent.ts';

const { fleet, device } = identity;

describe('an agent with a broker', () => {
  it('is born, retained, with a will of the same session, and reports', async () => {
    const { world } = await withModel();
    const [birth] = sent(world, 'birth');
    expect(birth?.body.session).toBe(1);
    expect(world.broker.retained.has(topicOf({ fleet, device, channel: { kind: 'birth' } }))).toBe(true);
    expect(sent(world, 'reported').length).toBeGreaterThan(0);
  });

  it('signs what its lines run with its own key, for this session', async () => {
    const { world } = await withModel();
    await expect.poll(() => sent(world, 'reported').at(-1)?.body.lines['intent' as never]).toBeDefined();
    const { attestation, instance, lines, session } = sent(world, 'reported').at(-1)?.body ?? {};
    const { signed = '', signature = '' } = attestation ?? {};
    expect(isSignedBy(deviceKey.publicKey, { bytes: Buffer.from(signed), signature })).toBe(true);
    const digest = Object.values(lines ?? {})[0]?.running?.digest;
    expect(attestedStateSchema.parse(JSON.parse(signed))).toMatchObject({
      ...{ fleet, device, session, instance, boot: 'boot' },
      lines: { intent: { loaded: digest } },
    });
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
    ['another key', 'DESIRED_REFUSED', () => ({ key: generateSigningKey(), change: {} })],
    [
      'the state of another device',
      'DESIRED_DEVICE_WRONG',
      () => ({ key: controller, change: { device: 'home-2' as typeof device } }),
    ],
    ['an older state', 'DESIRED_REPLAYED', () => ({ key: controller, change: { version: 0 } })],
  ])('refuses a desired state with %s, and says so', async (_why, expected, given) => {
    const { world, agent } = await withModel();
    const { key, change } = given();
    desire(world, { version: 9, offload: 'none', ...change }, key);
    await expect.poll(() => agent.status().problems.map(({ code }) => code)).toEqual([expected]);
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
      body: { execution: 1, task: 'trim-outbound', sequence: 1 },
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
