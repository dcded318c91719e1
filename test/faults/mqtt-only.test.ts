// A device that reaches the broker and not the controller's HTTP: what it is told to run comes over MQTT, piece by piece, and is checked
// as if it had come by HTTP; so does what the publishers say of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentStatus } from '@nanofleet/protocol';
import { generateSigningKey, writeSigningKey } from '@nanofleet/protocol/node';
import { beforeAll, expect, it, vi } from 'vitest';
import { mustEnrol, startAgentHere, type TestAgent } from './parts/agents.ts';
import { flipBit, signedBundle, type TestBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { runNanofleet } from './parts/operators-command.ts';
import { keepStandardError } from './parts/quiet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000 });

const DEVICE = 'far-1';
/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:1';
const scratch = scratchDirectory();
const publisher = generateSigningKey();
let controller: TestController;
let agent: TestAgent;
let bundle: TestBundle;

const nanofleet = async (...argv: string[]): Promise<void> => {
  const { code, err } = await runNanofleet(argv, { home: scratch, profile: join(scratch, 'profile') });
  expect([code, err]).toEqual([0, err]);
};

beforeAll(async () => {
  keepStandardError();
  controller = await startTestController({ publisher });
  await writeSigningKey(join(scratch, 'profile', 'publisher.key'), publisher);
  await nanofleet('login', controller.url, '--token-file', join(controller.directory, 'admin-token'));
  await nanofleet('trust', 'init');
  const directory = join(scratch, DEVICE);
  await mustEnrol({ directory, token: await controller.fleetToken(), name: DEVICE });
  const path = join(directory, 'identity.json');
  const identity = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...identity, controllerUrl: NOWHERE }));
  agent = await startAgentHere(directory);
});

const pushed = async (releaseCounter: number): Promise<TestBundle> => {
  const to = join(scratch, `intent-${releaseCounter}`);
  const made = signedBundle({ from: 'household-1', to, key: publisher, releaseCounter });
  await nanofleet('models', 'push', made.directory);
  return made;
};

const rollOut = ({ digest }: TestBundle) =>
  controller.call('makeRollout', { body: { digest, target: { all: true } } });

const lines = async (): Promise<AgentStatus['lines']> => (await agent.status()).lines;

it('runs a bundle that came over MQTT', async () => {
  bundle = await pushed(1);
  await rollOut(bundle);
  await expect.poll(lines).toMatchObject({ intent: { running: { digest: bundle.digest } } });
  const decision = await agent.ask('what is on my calendar for tomorrow');
  expect(decision).toMatchObject({ label: 'calendar', digest: bundle.digest });
});

it('refuses one that was changed where the controller keeps it', async () => {
  const changed = await pushed(2);
  flipBit(join(controller.directory, 'blobs', changed.digest));
  await rollOut(changed);
  const refusal = { step: 'refused', refused: { code: 'SIGNATURE_WRONG' } };
  await expect.poll(lines).toMatchObject({ intent: { running: { digest: bundle.digest }, ...refusal } });
});
