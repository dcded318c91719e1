// A model that travels in four bits, through a real registry to a real device: fewer bytes, the very graph, or nothing.
import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileOfRole } from '@nanofleet/protocol';
import { generateSigningKey, sha256Of } from '@nanofleet/protocol/node';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { mustEnrol, startAgentHere, type TestAgent } from './parts/agents.ts';
import { flipBit, packedBundle, signedBundle, type TestBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { keepStandardError } from './parts/quiet.ts';
import { openRelay, type Relay } from './parts/relay.ts';
import { containing } from './parts/words.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000 });

const DEVICE = 'home-1';
const QUESTION = 'what is on my calendar for tomorrow';
const scratch = scratchDirectory();
const publisher = generateSigningKey();
let controller: TestController;
let relay: Relay;
let agent: TestAgent;
let good: TestBundle;

beforeAll(async () => {
  keepStandardError();
  relay = await openRelay();
  controller = await startTestController({ publisher });
  relay.aimAt({ host: '127.0.0.1', port: controller.running.httpPort });
  good = signedBundle({ from: 'nano', to: join(scratch, 'bundles', 'nano'), key: publisher });
  const directory = join(scratch, DEVICE);
  const token = await controller.fleetToken({ change: { url: `http://127.0.0.1:${relay.port}` } });
  await mustEnrol({ directory, token, name: DEVICE });
  agent = await startAgentHere(directory, '--bundles', join(scratch, 'bundles'));
});

const release = (releaseCounter: number, bits: number): TestBundle =>
  packedBundle({
    from: 'nano',
    to: join(scratch, `nano-${releaseCounter}`),
    key: publisher,
    releaseCounter,
    bits,
  });

const graphOf = ({ manifest }: TestBundle) => {
  const file = fileOfRole(manifest, 'infer.int8');
  if (file?.wire === undefined) return expect.unreachable('a packed bundle has both forms');
  return { ...file, wire: file.wire };
};

const blobPath = (digest: string): string => join(controller.directory, 'blobs', digest);
const slotPath = ({ digest }: TestBundle, name: string): string =>
  join(agent.directory, 'slots', 'intent', digest, name);

const rolledOut = async (bundle: TestBundle, status: 'done' | 'refused') => {
  const { id } = await controller.call('makeRollout', {
    body: { digest: bundle.digest, target: { all: true } },
  });
  const look = () => controller.call('rollout', { params: { id } });
  await expect.poll(async () => (await look()).status).toBe(status);
  return (await look()).devices[0];
};

describe('a release whose graph travels in 4 bits', () => {
  it.each([
    ['one bit of it was changed', 2, flipBit],
    ['the half of it is missing', 3, (path: string) => truncateSync(path, 100_000)],
  ])(
    'is refused with its code when %s where the controller keeps it, and nothing changes',
    async (_what, counter, damage) => {
      const bundle = release(counter, 4);
      const { wire } = graphOf(bundle);
      await controller.push(bundle);
      // What was read for the push is in memory; another upload makes the registry look at its disk again.
      await controller.call('putBlob', { params: { digest: wire.sha256 }, body: bundle.read(wire.name) });
      damage(blobPath(wire.sha256));
      expect(await rolledOut(bundle, 'refused')).toMatchObject({
        code: 'DIGEST_MISMATCH',
        message: containing('infer.nfw'),
      });
      expect((await agent.status()).lines).toMatchObject({ intent: { running: { digest: good.digest } } });
      expect(await agent.ask(QUESTION)).toMatchObject({ label: 'calendar', digest: good.digest });
      expect(() => readFileSync(slotPath(bundle, 'manifest.json'))).toThrow('ENOENT');
    },
  );

  it('comes to a device in little more than half the bytes, and answers as the graph that was signed', async () => {
    const bundle = release(4, 4);
    const file = graphOf(bundle);
    await controller.push(bundle);
    const before = relay.bytesBack();
    await rolledOut(bundle, 'done');
    const fetched = relay.bytesBack() - before;
    // Heads of HTTP, and the manifest with its signature, come on top; the other files are those that the device has.
    expect(fetched).toBeGreaterThan(file.wire.bytes);
    expect(fetched).toBeLessThan(file.bytes * 0.55 + 20_000);
    expect(sha256Of(readFileSync(slotPath(bundle, file.name)))).toBe(file.sha256);
    expect(() => readFileSync(slotPath(bundle, file.wire.name))).toThrow('ENOENT');
    expect((await agent.status()).lines).toMatchObject({ intent: { running: { digest: bundle.digest } } });
    expect(await agent.ask(QUESTION)).toMatchObject({ label: 'calendar', digest: bundle.digest });
  });
});
