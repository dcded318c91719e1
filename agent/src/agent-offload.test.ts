// Behaviour of an agent that is not sure: what it asks of a bigger tier, when, and how the answer comes back.
import { type Birth, encodeFrame, type LineId, type OffloadResponse, topicOf } from '@nanofleet/protocol';
import { newId } from '@nanofleet/runtime/ports';
import { makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { connected, desire, identity, sent, startIn, tell, withModel } from './test-agent.ts';

const { fleet, device } = identity;

describe('questions of an agent', () => {
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

  it('counts in its beats what the running version has done, and what a bigger tier made of it', async () => {
    const { world, agent } = await withModel();
    await agent.decide('short', {});
    const { id } = await agent.decide('a text that is too long to know', {});
    const body: OffloadResponse = {
      ...{ decision: id, tier: 'mini', label: 'on', confidence: 0.9, outOfScope: 0, verdict: 'sure' },
      ...{ version: 'm', digest: null, micros: 5 },
    };
    tell(world, { kind: 'offload/res', device, at: 1, body });
    await expect.poll(() => agent.decision(id)?.offload.status).toBe('answered');
    world.clock.advance(1_000);
    const line = 'intent' as LineId;
    await expect
      .poll(() => sent(world, 'beat').at(-1)?.body.lines?.[line]?.figures)
      .toMatchObject({ decisions: 2, unsure: 1, offloaded: 1, compared: 1, agreed: 1, errors: 0 });
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
});
