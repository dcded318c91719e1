// From a signed bundle to what devices are told to run: the registry's checks, desired states, blobs, progress.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BodyOf,
  DEVICE_PATHS,
  type Digest,
  type LineReport,
  SIGNATURE_HEADER,
} from '@nanofleet/protocol';
import { generateSigningKey, isSignedBy, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import {
  makeTestBundle,
  publishBundle,
  register,
  type TestBundle,
  uploadFiles,
} from '../testing/test-bundle.ts';
import type { TestDevice } from '../testing/test-device.ts';

const running = ({ digest, manifest }: TestBundle): LineReport => ({
  running: { version: manifest.version, releaseCounter: manifest.releaseCounter, digest },
  step: 'settled',
});

const report = (device: TestDevice, line: LineReport): Promise<void> =>
  device.send('reported', {
    ...device.mark,
    desiredVersion: device.desired?.version ?? 0,
    lines: { intent: line } as BodyOf<'reported'>['lines'],
    problems: [],
  });

const refusing = ({ digest }: TestBundle): LineReport => ({
  running: null,
  step: 'refused',
  refused: { digest, code: 'DIGEST_MISMATCH', message: 'infer.int8.onnx differs', at: 1 },
});

const download = (
  controller: GetController,
  device: TestDevice,
  given: { name: string; range?: string; bearer?: string },
): Promise<Response> =>
  fetch(`${controller().url}${DEVICE_PATHS.blob}${given.name}`, {
    headers: {
      authorization: `Bearer ${given.bearer ?? device.bearer}`,
      ...(given.range === undefined ? {} : { range: given.range }),
    },
  });

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

const registry = (controller: GetController): void => {
  it('takes a signed bundle whose files are here, again without a change, and shows its lineage', async () => {
    const first = await publishBundle(controller(), { version: '1.0.0', releaseCounter: 1 });
    const child = { version: '1.0.1', releaseCounter: 2, parent: first.digest };
    const second = await publishBundle(controller(), child);
    const again = await register(controller(), second);
    expect(again).toMatchObject({
      digest: second.digest,
      line: 'intent',
      version: '1.0.1',
      releaseCounter: 2,
    });
    const shown = await controller().call('model', { params: { digest: second.digest } });
    expect(shown.lineage.map(({ digest }) => digest)).toEqual([first.digest]);
    expect(shown.missing).toEqual([]);
    const digests = (await controller().call('models')).items.map(({ digest }) => digest);
    expect(digests).toEqual(expect.arrayContaining([first.digest, second.digest]));
  });

  it('refuses a bundle of another key, a changed manifest, no signature, and a file that is not here', async () => {
    const foreign = await makeTestBundle(generateSigningKey());
    await expect(register(controller(), foreign)).rejects.toMatchObject({ code: 'SIGNATURE_KEY_FOREIGN' });
    const own = await makeTestBundle(controller().publisher, { version: '9.9.9' });
    const changed = { ...own, manifestBytes: Buffer.concat([own.manifestBytes, Buffer.from(' ')]) };
    await expect(register(controller(), changed)).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
    const bare = { ...own, signature: new Uint8Array() };
    await expect(register(controller(), bare)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
    const files = own.manifest.files.map((file, at) =>
      at === 0 ? { ...file, sha256: 'b'.repeat(64) } : file,
    );
    const lacking = await makeTestBundle(controller().publisher, { files });
    await expect(register(controller(), lacking)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
  });

  it('checks the signature before it reads the manifest', async () => {
    const manifestBytes = Buffer.from('{"format": 99');
    const bundle = { manifestBytes, signature: signManifest(generateSigningKey(), manifestBytes) };
    const base = await makeTestBundle(controller().publisher);
    await expect(register(controller(), { ...base, ...bundle })).rejects.toMatchObject({
      code: 'SIGNATURE_KEY_FOREIGN',
    });
    const own = { ...base, manifestBytes, signature: signManifest(controller().publisher, manifestBytes) };
    await expect(register(controller(), own)).rejects.toMatchObject({ code: 'MANIFEST_MALFORMED' });
  });

  it('stores no upload whose bytes do not have its name', async () => {
    const digest = sha256Of('other');
    const body = Buffer.from('bytes');
    await expect(controller().call('putBlob', { params: { digest }, body })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    const put = await controller().call('putBlob', { params: { digest: sha256Of(body) }, body });
    expect(put).toEqual({ bytes: 5 });
  });
};

const desiredStates = (controller: GetController): void => {
  it('reach a device signed by the controller, count up on a change only, and follow group and policy', async () => {
    const bundle = await publishBundle(controller(), { version: '2.0.0', releaseCounter: 3 });
    const device = await controller().device('lamp', { group: 'lamps' });
    await device.connect();
    await device.birth();
    await eventually(() => expect(device.desired?.offload).toBe('mini'));
    const before = device.desired?.version ?? 0;
    const body = { digest: bundle.digest, target: { group: 'lamps' as const } };
    await controller().call('makeRollout', { body });
    await eventually(() =>
      expect(device.desired?.lines).toMatchObject({ intent: { digest: bundle.digest } }),
    );
    expect(device.desired).toMatchObject({
      device: 'lamp',
      fleet: 'home',
      group: 'lamps',
      version: before + 1,
    });
    const newest = device.bodies('desired').at(-1);
    const key = Buffer.from(device.enrolment.controllerKey, 'base64');
    const signed = { bytes: Buffer.from(newest?.signed ?? ''), signature: newest?.signature ?? '' };
    expect(isSignedBy(key, signed)).toBe(true);
    await controller().call('makeRollout', { body });
    await controller().call('setPolicy', { params: { group: 'lamps' }, body: { offload: 'none' } });
    await eventually(() => expect(device.desired?.offload).toBe('none'));
    expect(device.desired?.version).toBe(before + 2);
    const explained = { params: { group: 'lamps' }, body: { explanations: 'local' } } as const;
    expect(await controller().call('setExplanations', explained)).toMatchObject({
      group: 'lamps',
      offload: 'none',
      explanations: 'local',
    });
    await controller().call('setExplanations', explained);
    await eventually(() =>
      expect(device.desired).toMatchObject({ offload: 'none', explanations: 'local', version: before + 3 }),
    );
    await controller().call('moveDevice', { params: { device: device.name }, body: { group: 'elsewhere' } });
    await eventually(() =>
      expect(device.desired).toMatchObject({ group: 'elsewhere', lines: {}, explanations: 'never' }),
    );
  });

  it('wait for a device that was away, also over a restart of the controller', async () => {
    const bundle = await publishBundle(controller(), { version: '2.1.0', releaseCounter: 4 });
    const device = await controller().device('away', { group: 'sheds' });
    await controller().call('makeRollout', { body: { digest: bundle.digest, target: { group: 'sheds' } } });
    await controller().halt();
    await controller().run();
    await device.connect({ brokerUrl: controller().brokerUrl });
    await device.birth();
    await eventually(() =>
      expect(device.desired?.lines).toMatchObject({ intent: { digest: bundle.digest } }),
    );
  });
};

const blobs = (controller: GetController): void => {
  it('come whole and by range to a device, manifest and signature included', async () => {
    const bundle = await publishBundle(controller(), { version: '3.0.0', releaseCounter: 5 });
    const device = await controller().device('reader');
    const signature = await download(controller, device, { name: `${bundle.digest}.sig` });
    expect(await bytesOf(signature)).toEqual(Buffer.from(bundle.signature));
    const manifest = await download(controller, device, { name: bundle.digest });
    expect([manifest.status, sha256Of(await bytesOf(manifest))]).toEqual([200, bundle.digest]);
    const along = Buffer.from(manifest.headers.get(SIGNATURE_HEADER) ?? '', 'base64');
    expect(along).toEqual(Buffer.from(bundle.signature));
    for (const [name, content] of bundle.files) {
      const part = await download(controller, device, { name, range: 'bytes=5-99' });
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 5-99/${content.length}`]);
      expect(await bytesOf(part)).toEqual(Buffer.from(content.subarray(5, 100)));
      const end = await download(controller, device, { name, range: `bytes=${content.length}-` });
      expect([end.status, end.headers.get(SIGNATURE_HEADER)]).toEqual([416, null]);
    }
  });

  it('stay closed to strangers, and what belongs to no bundle is not there', async () => {
    const bundle = await publishBundle(controller(), { version: '3.0.1', releaseCounter: 6 });
    const device = await controller().device('stranger');
    const codeOf = async (response: Response) => [
      response.status,
      ((await response.json()) as { code: string }).code,
    ];
    const wrong = await download(controller, device, { name: bundle.digest, bearer: `${device.bearer}x` });
    expect(await codeOf(wrong)).toEqual([401, 'TOKEN_INVALID']);
    const operator = await download(controller, device, {
      name: bundle.digest,
      bearer: controller().adminToken,
    });
    expect(await codeOf(operator)).toEqual([401, 'TOKEN_INVALID']);
    const body = Buffer.from('a blob of no bundle');
    await controller().call('putBlob', { params: { digest: sha256Of(body) }, body });
    expect(await codeOf(await download(controller, device, { name: sha256Of(body) }))).toEqual([
      404,
      'NOT_FOUND',
    ]);
    expect(await codeOf(await download(controller, device, { name: '../lock' }))).toEqual([404, 'NOT_FOUND']);
  });

  it('are served as the disk holds them, so that devices can tell when it was changed', async () => {
    const bundle = await makeTestBundle(controller().publisher, { version: '3.0.2', releaseCounter: 7 });
    const extra = Buffer.from('prototypes that nobody fetched before');
    const files = bundle.manifest.files.map((file) =>
      file.role === 'prototypes' ? { ...file, sha256: sha256Of(extra), bytes: extra.length } : file,
    );
    const changed = await makeTestBundle(controller().publisher, {
      version: '3.0.2',
      releaseCounter: 7,
      files,
    });
    await uploadFiles(controller(), bundle);
    await controller().call('putBlob', { params: { digest: sha256Of(extra) }, body: extra });
    await register(controller(), changed);
    const path = join(controller().settings.directory, 'blobs', sha256Of(extra));
    const bytes = await readFile(path);
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const device = await controller().device('witness');
    const got = await bytesOf(await download(controller, device, { name: sha256Of(extra) }));
    expect(sha256Of(got)).not.toBe(sha256Of(extra));
    await controller().call('putBlob', { params: { digest: sha256Of(extra) }, body: extra });
    const healed = await bytesOf(await download(controller, device, { name: sha256Of(extra) }));
    expect(sha256Of(healed)).toBe(sha256Of(extra));
  });
};

const progress = (controller: GetController): void => {
  it('is counted from what devices report, and a later rollout supersedes', async () => {
    const bundle = await publishBundle(controller(), { version: '4.0.0', releaseCounter: 8 });
    const one = await controller().device('one', { group: 'fields' });
    const two = await controller().device('two', { group: 'fields' });
    for (const device of [one, two]) {
      await device.connect();
      await device.birth();
    }
    const target = { group: 'fields' as const };
    const made = await controller().call('makeRollout', { body: { digest: bundle.digest, target } });
    const shown = () => controller().call('rollout', { params: { id: made.id } });
    expect(made.counts.total).toBe(2);
    await report(one, running(bundle));
    await report(two, refusing(bundle));
    await eventually(async () =>
      expect(await shown()).toMatchObject({
        status: 'refused',
        counts: { total: 2, running: 1, refused: 1 },
      }),
    );
    expect((await shown()).devices).toContainEqual({
      device: 'two',
      state: 'refused',
      code: 'DIGEST_MISMATCH',
      message: 'infer.int8.onnx differs',
    });
    await report(two, running(bundle));
    await eventually(async () => expect((await shown()).status).toBe('done'));
    const next = await publishBundle(controller(), { version: '4.0.1', releaseCounter: 9 });
    await controller().call('makeRollout', { body: { digest: next.digest, target } });
    expect(await shown()).toMatchObject({ status: 'superseded', devices: [] });
    const [newest] = (await controller().call('rollouts', { query: { limit: 1 } })).items;
    expect(newest).toMatchObject({ digest: next.digest, target });
  });

  it('of an unknown bundle or rollout is an error with its code', async () => {
    const digest = 'c'.repeat(64) as Digest;
    const target = { all: true as const };
    await expect(controller().call('makeRollout', { body: { digest, target } })).rejects.toMatchObject({
      code: 'MODEL_UNKNOWN',
    });
    const id = '01890a5d-ac96-774b-bcce-b302099a8057';
    await expect(controller().call('rollout', { params: { id } })).rejects.toMatchObject({
      code: 'ROLLOUT_UNKNOWN',
    });
  });
};

onEachDatabase('rollouts', [registry, desiredStates, blobs, progress]);
