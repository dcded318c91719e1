import type { RoundPlan } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { encodeHead, grownHead, headOf, headPlus, normOf, valuesOf } from '@nanofleet/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import type { Trainer } from '../ports/trainer.ts';
import {
  accepts,
  agents,
  announce,
  base,
  blobs,
  conclude,
  correct,
  desire,
  directTrainer,
  nextRound,
  planOf,
  ready,
  recallOf,
  rolesOf,
  SENTENCES,
  until,
  updates,
  type World,
} from './test-world.ts';

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
});

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
    expect(differences.map(({ length }) => length)).toEqual([288, 1]);
    expect(bytes).toBeLessThanOrEqual(1.3 * 289);
    expect(normOf(differences)).toBeLessThanOrEqual(16);
    const start = grownHead(headOf(rolesOf().get('infer.int8') ?? new Uint8Array()), 169);
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
      { bytes: 353, redacted: {}, policy: 'mini' },
    ]);
  });

  it('begins where the plan says, and refuses a start that is not what the plan names', async () => {
    const { world, agent } = await ready();
    await correct(agent);
    const own = grownHead(headOf(rolesOf().get('infer.int8') ?? new Uint8Array()), 169);
    const start = encodeHead({ ...own, bias: own.bias.with(168, -40) });
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

  it('sends nothing when the group may send nothing any more by the time that the head is trained', async () => {
    const world: World = await ready({
      trainer: {
        train: async (training, signal) => {
          desire(world, { version: 2, offload: 'none' });
          return directTrainer.train(training, signal);
        },
      },
    }).then(({ world: made, agent }) => correct(agent).then(() => made));
    announce(world, nextRound(world));
    await until(world, () => accepts(world).length === 2);
    expect(accepts(world)).toEqual([{ examples: SENTENCES.length }, { examples: 0, code: 'ROUND_DECLINED' }]);
    expect(updates(world)).toEqual([]);
  });

  it('gives up at the deadline and at a wipe', async () => {
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
