import type { Message, OffloadResponse } from '@nanofleet/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { agents, device, LABEL, ready, startIn, tell, until } from './test-world.ts';

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.close()));
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
    const [asked, corrected, unsure] = ['flibber the wug', 'blorp the zib', 'mip the flan'];
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
