// Behaviour of an agent that a gate wants to compare two versions: what it asks, what it counts, what it keeps to itself.
import type { LineId, OffloadPolicy, OffloadResponse, Uuid } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import type { Agent } from './agent.ts';
import {
  connected,
  desire,
  identity,
  sent,
  startIn,
  tell,
  two,
  type World,
  withModel,
} from './test-agent.ts';

const { device } = identity;
const LINE = 'intent' as LineId;
const ROOMY = { memoryBytes: 1e9 };
/** Short enough for the model to be sure of it; the second version thinks that it is `off`. */
const DIFFERENT = 'off now';

const wish = (agent: Agent) => ({
  [LINE]: { ...two.wish, bytes: 10, comparedWith: agent.lines()[LINE]?.digest },
});

/** An agent whose line runs the second version, watched beside the first. */
const watched = async (offload: OffloadPolicy = 'mini'): Promise<{ world: World; agent: Agent }> => {
  const { world, agent } = await withModel({}, ROOMY);
  const lines = wish(agent) as never;
  desire(world, { version: 2, lines, offload });
  await expect
    .poll(() => {
      world.clock.advance(1_000);
      return agent.status().lines[LINE]?.committed;
    })
    .toBe(two.wish.digest);
  return { world, agent };
};

const beatFigures = (world: World) => sent(world, 'beat').at(-1)?.body.lines?.[LINE]?.figures;

const pairsOf = (world: World) => {
  world.clock.advance(1_000);
  return beatFigures(world)?.pairs;
};

/** Says what the versions disagree on until they are compared, and a bigger tier was asked; the id of a decision. */
const saidAndAsked = async ({ agent, world }: { world: World; agent: Agent }): Promise<Uuid> => {
  let said: Uuid | null = null;
  await expect
    .poll(async () => {
      said = (await agent.decide(DIFFERENT, {})).id;
      world.clock.advance(100);
      return sent(world, 'offload/req').length;
    })
    .toBe(1);
  return said ?? ('' as Uuid);
};

const answer = (world: World, id: string, change: Partial<OffloadResponse>): void => {
  const body = {
    ...{ decision: id, tier: 'mini', label: 'on', confidence: 0.9, outOfScope: 0, verdict: 'sure' },
    ...{ version: 'm', digest: null, micros: 5, ...change },
  } as OffloadResponse;
  tell(world, { kind: 'offload/res', device, at: 1, body });
};

describe('an agent that a gate watches', () => {
  it('asks a bigger tier about what its two versions disagree on, redacted, and tells counts', async () => {
    const { world, agent } = await watched();
    const id = await saidAndAsked({ world, agent });
    const [question] = sent(world, 'offload/req');
    expect(question?.body).toMatchObject({ text: DIFFERENT, local: { label: 'off', verdict: 'sure' } });
    expect(question?.body.decision).not.toBe(id);
    answer(world, question?.body.decision ?? '', { label: 'on' });
    await expect.poll(() => pairsOf(world)).toEqual({ inputs: 1, judged: 1, newRight: 0, oldRight: 1 });
    expect(agent.decision(id)).toMatchObject({ tier: 'nano', offload: { status: 'none' } });
    const entry = { what: 'offload', decision: question?.body.decision, policy: 'mini' };
    expect(agent.outbound().entries.at(-1)).toMatchObject(entry);
  });

  it('compares nothing and sends nothing under the policy none', async () => {
    const { world, agent } = await watched('none');
    await agent.decide(DIFFERENT, {});
    await agent.decide('off here', {});
    await expect.poll(() => (world.clock.advance(1_000), beatFigures(world)?.decisions)).toBe(2);
    expect(beatFigures(world)).not.toHaveProperty('pairs');
    expect(sent(world, 'offload/req')).toEqual([]);
  });

  it('awaits no comparison of an earlier process, and compares on after a restart', async () => {
    const { world, agent } = await watched();
    await saidAndAsked({ world, agent });
    await agent.close();
    const again = await startIn({ ...world, disk: world.disk.afterKill() }, {}, ROOMY);
    await connected(world, again);
    expect(sent(world, 'birth').at(-1)?.body.awaiting).toEqual([]);
    await expect
      .poll(async () => {
        await again.decide('on', {});
        return pairsOf(world)?.inputs;
      })
      .toBe(1);
  });
});
