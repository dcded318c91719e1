import { join } from 'node:path';
import { itemAnswerSchema, LOCAL_PATHS } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { mustEnrol, startAgent, type TestAgent, untilConnected } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { type ControllerProcess, startControllerProcess } from './parts/controller-process.ts';
import { jsonOf } from './parts/http.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000 });

const DEVICES = ['home-1', 'home-2'];
const QUESTION = 'what is on my calendar for tomorrow';
const BATCH = 200;
const scratch = scratchDirectory();
const publisher = generateSigningKey();
const asked = new Set<string>();
let controller: ControllerProcess;
let agents: TestAgent[];

beforeAll(async () => {
  controller = await startControllerProcess({ directory: join(scratch, 'controller'), publisher });
  signedBundle({ from: 'household-1', to: join(scratch, 'bundles', 'household-1'), key: publisher });
  const token = await controller.fleetToken({ uses: DEVICES.length });
  for (const name of DEVICES) await mustEnrol({ directory: join(scratch, name), token, name });
  const start = (name: string) => startAgent(join(scratch, name), '--bundles', join(scratch, 'bundles'));
  agents = await Promise.all(DEVICES.map(start));
  for (const agent of agents) await untilConnected(agent);
});

const answerSchema = z.object({ items: z.array(itemAnswerSchema) });

const askBatch = async (agent: TestAgent): Promise<void> => {
  const texts = Array.from({ length: BATCH }, () => QUESTION);
  const { items } = answerSchema.parse(
    jsonOf(await agent.send({ path: LOCAL_PATHS.batch, body: { texts } })),
  );
  for (const item of items) if ('id' in item) asked.add(item.id);
};

const askEverybody = () => Promise.all(agents.map(askBatch));

/** Waits until all is delivered; ids of the stored decisions, one per event. */
const delivered = async () => {
  for (const agent of agents) await expect.poll(async () => (await agent.status()).waiting).toBe(0);
  return (await controller.decisions()).toSorted();
};

describe('a controller, and the broker in it, that is killed and started again', () => {
  it('in the middle of a delivery: answers go on, no event is lost and none doubled', async () => {
    const before = asked.size;
    await askEverybody();
    await controller.kill();
    await askEverybody();
    expect(asked.size).toBe(before + 2 * DEVICES.length * BATCH);
    for (const agent of agents) {
      await expect.poll(async () => (await agent.status()).link).not.toBe('connected');
      expect((await agent.status()).waiting).toBeGreaterThanOrEqual(BATCH);
    }
    await controller.restart();
    expect(await delivered()).toEqual([...asked].toSorted());
    const { items } = await controller.call('devices');
    expect(items.map(({ device, status }) => [device, status])).toEqual(
      DEVICES.map((name) => [name, 'online']),
    );
  });

  it('while an agent is killed, too: what it had accepted arrives once', async () => {
    await askEverybody();
    const [killed, ...others] = agents;
    await Promise.all([controller.kill(), killed?.kill()]);
    const started = startAgent(killed?.directory ?? '', '--bundles', join(scratch, 'bundles'));
    agents = [await started, ...others];
    await askEverybody();
    await controller.restart();
    expect(await delivered()).toEqual([...asked].toSorted());
  });
});
