// Behaviour of an agent that is asked why: only in its own answer, and only where group and owner allow it.
import { describe, expect, it } from 'vitest';
import { desire, KUMQUAT, logged, makeWorld, sent, startIn, withModel, writtenIn } from './test-agent.ts';

describe('explanations of an agent', () => {
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
});
