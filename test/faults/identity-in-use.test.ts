import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@nanofleet/runtime/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { mustEnrol, startAgent, type TestAgent, untilConnected } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { openRelay, type Relay } from './parts/relay.ts';
import { containing } from './parts/words.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000 });

const DEVICE = 'home-1';
const QUESTION = 'what is on my calendar for tomorrow';
const QUIET_S = 3;
const scratch = scratchDirectory();
const bundles = join(scratch, 'bundles');
let relay: Relay;
let controller: TestController;
let first: TestAgent;
let second: TestAgent;
const asked: string[] = [];

const shown = () => controller.call('device', { params: { device: DEVICE } });
const linkOf = async (agent: TestAgent) => (await agent.status()).link;

beforeAll(async () => {
  relay = await openRelay();
  controller = await startTestController({
    settings: { advertisedMqttUrl: `mqtt://127.0.0.1:${relay.port}` },
  });
  relay.aimAt({ host: '127.0.0.1', port: controller.running.mqttPort });
  signedBundle({ from: 'household-1', to: join(bundles, 'household-1'), key: controller.publisher });
  const directory = join(scratch, DEVICE);
  await mustEnrol({ directory, token: await controller.fleetToken(), name: DEVICE });
  first = await startAgent(directory, '--bundles', bundles);
  asked.push((await first.ask(QUESTION)).id);
  await first.stop();
  // As an image that was made of a device and put onto another one.
  const copy = join(scratch, 'copy');
  cpSync(directory, copy, { recursive: true });
  first = await startAgent(directory, '--bundles', bundles);
  await untilConnected(first);
  asked.push((await first.ask(QUESTION)).id);
  await eventually(async () => expect((await first.status()).waiting).toBe(0));
  second = await startAgent(copy, '--bundles', bundles);
});

describe('two agents with one identity', () => {
  it('do not take the connection from each other: the first leaves, the second stays', async () => {
    await expect.poll(() => linkOf(first)).toBe('identity-in-use');
    await expect.poll(() => linkOf(second)).toBe('connected');
    const settled = relay.connections();
    const since = (await shown()).beat?.uptimeS ?? 0;
    // The beats of the one that stays measure the time.
    await expect.poll(async () => (await shown()).beat?.uptimeS).toBeGreaterThan(since + QUIET_S);
    expect(relay.connections()).toBe(settled);
    expect(settled).toBeLessThanOrEqual(6);
    expect(await linkOf(first)).toBe('identity-in-use');
    expect(await linkOf(second)).toBe('connected');
  });

  it('are reported: by the one that left, and by the controller, with what to do', async () => {
    expect((await first.status()).problems).toContainEqual({
      code: 'IDENTITY_IN_USE',
      message: containing('enrol each device for itself'),
    });
    const { problems, status } = await shown();
    expect(status).toBe('online');
    expect(problems).toContainEqual({
      code: 'IDENTITY_IN_USE',
      message: containing('stop one of them, or enrol it under a name of its own'),
    });
  });

  it('both go on answering; the one that stays delivers, the one that left keeps its records', async () => {
    const delivered = await second.ask(QUESTION);
    const kept = await first.ask(QUESTION);
    expect([delivered.label, kept.label]).toEqual(['calendar', 'calendar']);
    asked.push(delivered.id, kept.id);
    await expect.poll(() => controller.decisions()).toContain(delivered.id);
    expect(await controller.decisions()).not.toContain(kept.id);
    expect((await first.status()).waiting).toBe(1);
  });

  it('leave the way free: once the second has ended, the first delivers what it kept', async () => {
    await second.stop();
    await first.stop();
    const again = await startAgent(first.directory, '--bundles', bundles);
    await untilConnected(again);
    await expect.poll(async () => (await again.status()).waiting).toBe(0);
    expect((await controller.decisions()).toSorted()).toEqual(asked.toSorted());
  });
});
