import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseManifest, type Rollout } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { mustEnrol, runAgentCommand, startAgentHere, type TestAgent } from './parts/agents.ts';
import { flipBit, signedBundle, type TestBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { keepStandardError } from './parts/quiet.ts';
import { containing, matching } from './parts/words.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000 });

const DEVICE = 'home-1';
const QUESTION = 'what is on my calendar for tomorrow';
const scratch = scratchDirectory();
const publisher = generateSigningKey();
/** A key that the registry accepts and that this device never pinned. */
const foreign = generateSigningKey();
let controller: TestController;
let agent: TestAgent;
let good: TestBundle;
let releases = 1;

/** A later release; its files are not those that the device has, but for the training step. */
const nextRelease = (key = publisher): TestBundle => {
  releases += 1;
  return signedBundle({
    from: 'household-2',
    to: join(scratch, `intent-${releases}`),
    key,
    releaseCounter: releases,
  });
};

beforeAll(async () => {
  keepStandardError();
  controller = await startTestController({ publisher, otherPublishers: [foreign] });
  good = signedBundle({ from: 'household-1', to: join(scratch, 'bundles', 'household-1'), key: publisher });
  const directory = join(scratch, DEVICE);
  await mustEnrol({ directory, token: await controller.fleetToken(), name: DEVICE });
  agent = await startAgentHere(directory, '--bundles', join(scratch, 'bundles'));
});

const rollOut = (bundle: TestBundle): Promise<Rollout> =>
  controller.call('makeRollout', { body: { digest: bundle.digest, target: { all: true } } });

/** Makes a bundle the desired one and waits until the device has refused it. */
const refusalOf = async (bundle: TestBundle) => {
  const { id } = await rollOut(bundle);
  const look = () => controller.call('rollout', { params: { id } });
  await expect.poll(async () => (await look()).status).toBe('refused');
  const { devices, counts } = await look();
  expect(counts).toMatchObject({ total: 1, refused: 1, running: 0, pending: 0 });
  return devices[0];
};

/** Everybody says the same: the code, and that the version before runs on. */
const expectRefusedEverywhere = async (bundle: TestBundle, code: string) => {
  const own = await agent.status();
  const shown = await controller.call('device', { params: { device: DEVICE } });
  for (const { lines } of [own, shown]) {
    const refused = { digest: bundle.digest, code, message: matching(/\w/) };
    expect(lines).toMatchObject({ intent: { running: { digest: good.digest }, step: 'refused', refused } });
  }
  const decision = await agent.ask(QUESTION);
  expect(decision).toMatchObject({ label: 'calendar', digest: good.digest });
};

describe('the registry', () => {
  const refuse = (bundle: TestBundle, change: { manifest?: Buffer; signature?: string }) =>
    controller.call('addModel', {
      body: {
        manifest: (change.manifest ?? bundle.read('manifest.json')).toString('base64'),
        signature: change.signature ?? bundle.read('manifest.sig').toString('utf8'),
      },
    });

  it('refuses a bundle that nobody signed, and says how to sign it', async () => {
    const bundle = nextRelease();
    await expect(refuse(bundle, { signature: '' })).rejects.toMatchObject({
      code: 'SIGNATURE_MISSING',
      message: containing('nanofleet models sign'),
    });
    await expect(refuse(bundle, { signature: '{}' })).rejects.toMatchObject({ code: 'SIGNATURE_MALFORMED' });
  });

  it('refuses a bundle of a publisher that it does not know', async () => {
    const bundle = nextRelease(generateSigningKey());
    await expect(refuse(bundle, {})).rejects.toMatchObject({
      code: 'SIGNATURE_KEY_FOREIGN',
      message: containing('not pinned'),
    });
  });

  it('refuses a manifest of which one bit was changed', async () => {
    const bundle = nextRelease();
    flipBit(join(bundle.directory, 'manifest.json'));
    await expect(refuse(bundle, {})).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
  });

  it('refuses a file that is not what its digest says, and a bundle without that file', async () => {
    const bundle = nextRelease();
    const file = bundle.manifest.files[0];
    const bytes = Buffer.concat([bundle.read(file?.name ?? ''), Buffer.from([0])]);
    const digest = 'a'.repeat(64);
    await expect(controller.call('putBlob', { params: { digest }, body: bytes })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: containing('upload again'),
    });
    const missing = { ...bundle.manifest, files: [{ ...bundle.manifest.files[0], sha256: digest }] };
    const path = join(bundle.directory, 'manifest.json');
    writeFileSync(path, JSON.stringify({ ...parseManifest(readFileSync(path)), ...missing }));
    await expect(refuse(bundle, {})).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
  });

  it('holds none of what it refused', async () => {
    expect((await controller.call('models')).items).toEqual([]);
  });
});

describe('a device', () => {
  const blobPath = (digest: string): string => join(controller.directory, 'blobs', digest);
  const digestIn = ({ manifest }: TestBundle, name: string): string =>
    manifest.files.find((file) => file.name === name)?.sha256 ?? 'missing';

  it('runs the bundle that it was made with', async () => {
    expect((await agent.ask(QUESTION)).digest).toBe(good.digest);
  });

  // In the order of the manifest: what came before the damage stays on the device, and is not fetched again.
  it.each(['infer.int8.onnx', 'prototypes.bin', 'golden.json'])(
    'refuses a bundle whose %s was changed where the controller keeps it',
    async (name) => {
      const bundle = nextRelease();
      // Pushing mends what an earlier case has changed: the files are the same in each release.
      await controller.push(bundle);
      flipBit(blobPath(digestIn(bundle, name)));
      expect(await refusalOf(bundle)).toMatchObject({
        state: 'refused',
        code: 'DIGEST_MISMATCH',
        message: containing(name),
      });
      await expectRefusedEverywhere(bundle, 'DIGEST_MISMATCH');
    },
  );

  it('refuses a manifest that was changed where the controller keeps it', async () => {
    const bundle = nextRelease();
    await controller.push(bundle);
    flipBit(blobPath(bundle.digest));
    expect(await refusalOf(bundle)).toMatchObject({ code: 'SIGNATURE_WRONG' });
    await expectRefusedEverywhere(bundle, 'SIGNATURE_WRONG');
  });

  it('refuses a bundle that somebody else signed, though the controller accepts that publisher', async () => {
    const bundle = nextRelease(foreign);
    await controller.push(bundle);
    expect(await refusalOf(bundle)).toMatchObject({
      code: 'SIGNATURE_KEY_FOREIGN',
      message: containing('not pinned'),
    });
    await expectRefusedEverywhere(bundle, 'SIGNATURE_KEY_FOREIGN');
  });

  it.each([
    ['none at all', '', 'SIGNATURE_MISSING'],
    ['one of another form', '{"keyId":"none"}', 'SIGNATURE_MALFORMED'],
  ])('refuses a bundle whose signature in the database was changed to %s', async (_what, signature, code) => {
    const bundle = nextRelease();
    await controller.push(bundle);
    await controller.database.execute(
      `update models set signature = '${signature}' where digest = '${bundle.digest}'`,
    );
    expect(await refusalOf(bundle)).toMatchObject({ code });
    await expectRefusedEverywhere(bundle, code);
  });

  it('refuses a bundle without a file', async () => {
    const bundle = nextRelease();
    await controller.push(bundle);
    rmSync(blobPath(bundle.digest));
    expect(await refusalOf(bundle)).toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
    await expectRefusedEverywhere(bundle, 'BUNDLE_FILE_MISSING');
  });

  it('takes the next good release after all of these, and what it has from its own disk', async () => {
    const bundle = nextRelease();
    await controller.push(bundle);
    flipBit(blobPath(digestIn(bundle, 'train-step.onnx')));
    const { id } = await rollOut(bundle);
    await expect.poll(async () => (await controller.call('rollout', { params: { id } })).status).toBe('done');
    expect((await agent.ask(QUESTION)).digest).toBe(bundle.digest);
    expect((await agent.status()).problems).toEqual([]);
  });

  it('refuses to start with unsigned, foreign or changed bundles in its image, naming the cause', async () => {
    const start = async (directory: string) => {
      const { code, err } = await runAgentCommand(
        'run',
        '--dir',
        join(scratch, 'home-2'),
        '--bundles',
        directory,
      );
      expect(code).toBe(1);
      return err;
    };
    const token = await controller.fleetToken();
    await mustEnrol({ directory: join(scratch, 'home-2'), token, name: 'home-2' });
    const unsigned = nextRelease();
    rmSync(join(unsigned.directory, 'manifest.sig'));
    expect(await start(unsigned.directory)).toMatch(/^SIGNATURE_MISSING .*\n.*nanofleet models sign/);
    expect(await start(nextRelease(foreign).directory)).toMatch(/^SIGNATURE_KEY_FOREIGN /);
    const changed = nextRelease();
    flipBit(join(changed.directory, 'manifest.json'));
    expect(await start(changed.directory)).toMatch(/^SIGNATURE_WRONG /);
  });
});
