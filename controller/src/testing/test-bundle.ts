/** A signed bundle for tests: a committed one under a new name, number or key, uploaded like an operator's. Only tests import this. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Digest, MANIFEST_FILE, type Manifest, type Model, parseManifest } from '@nanofleet/protocol';
import { type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import type { TestController } from './test-controller.ts';

const SOURCE = new URL('../../../bundles/household-1/', import.meta.url);

/** A bundle in memory. */
export interface TestBundle {
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

const read = (name: string): Promise<Uint8Array> => readFile(fileURLToPath(new URL(name, SOURCE)));

/** The committed intent bundle with other fields in its manifest, signed by a key. */
export const makeTestBundle = async (key: SigningKey, change: object = {}): Promise<TestBundle> => {
  const stated = JSON.parse(Buffer.from(await read(MANIFEST_FILE)).toString('utf8')) as object;
  const manifestBytes = Buffer.from(JSON.stringify({ ...stated, ...change }));
  const manifest = parseManifest(manifestBytes);
  const files = new Map<Digest, Uint8Array>();
  for (const { name, sha256 } of manifest.files) {
    const bytes = await read(name);
    // A test may state a file that does not exist.
    if (sha256Of(bytes) === sha256) files.set(sha256, bytes);
  }
  const signature = signManifest(key, manifestBytes);
  return { digest: sha256Of(manifestBytes), manifest, manifestBytes, signature, files };
};

/** Uploads the files of a bundle. */
export const uploadFiles = async (controller: TestController, bundle: TestBundle): Promise<void> => {
  for (const [digest, body] of bundle.files) await controller.call('putBlob', { params: { digest }, body });
};

/** Registers a bundle whose files are uploaded. */
export const register = (controller: TestController, bundle: TestBundle): Promise<Model> =>
  controller.call('addModel', {
    body: {
      manifest: Buffer.from(bundle.manifestBytes).toString('base64'),
      signature: Buffer.from(bundle.signature).toString('utf8'),
    },
  });

/** Makes, uploads and registers. */
export const publishBundle = async (controller: TestController, change: object = {}): Promise<TestBundle> => {
  const bundle = await makeTestBundle(controller.publisher, change);
  await uploadFiles(controller, bundle);
  await register(controller, bundle);
  return bundle;
};
