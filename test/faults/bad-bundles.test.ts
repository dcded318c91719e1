// Bundles that a publisher's key has signed and that are bad all the same, or were changed on their way: whatever lists say of them, a real
// agent runs none, and operators see why.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BundleFile,
  type Digest,
  deltaName,
  encodeManifest,
  type FileRole,
  fileOfRole,
  MANIFEST_FILE,
  NanofleetError,
  parseManifest,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { sha256Of, signManifest } from '@nanofleet/protocol/node';
import { changedBundle } from '@nanofleet/runtime/testing';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AttackedFleet } from './parts/attacked-fleet.ts';
import { packedBundle, type TestBundle } from './parts/bundles.ts';
import { keepStandardError } from './parts/quiet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

let fleet: AttackedFleet;
/** What the device runs. */
let good: TestBundle;

beforeAll(async () => {
  keepStandardError();
  fleet = await AttackedFleet.start();
  good = await fleet.released();
  fleet.order(good);
});
afterEach(() => fleet.liar.lies.clear());

const fileIn = ({ manifest }: TestBundle, role: FileRole): BundleFile => {
  const file = fileOfRole(manifest, role);
  if (file === undefined) throw new NanofleetError('INTERNAL', `a committed bundle has a file ${role}`);
  return file;
};
const infer = (bundle: TestBundle): BundleFile => fileIn(bundle, 'infer.int8');
const prototypesOf = (bundle: TestBundle): Digest => fileIn(bundle, 'prototypes').sha256;

/** Signs a manifest as it is, and has the controller serve it as that of a release. */
const servedAs = ({ directory }: TestBundle, text: string): Pick<TestBundle, 'digest'> => {
  const bytes = Buffer.from(text);
  const digest = sha256Of(bytes);
  fleet.liar.lies.set(digest, bytes);
  fleet.liar.lies.set(`${digest}.sig`, signManifest(fleet.publisher, bytes));
  writeFileSync(join(directory, MANIFEST_FILE), bytes);
  return { digest };
};

/** A release with one file changed, signed and listed. */
const changed = async (name: string, alter: (bytes: Buffer) => Buffer): Promise<TestBundle> => {
  const bundle = fleet.signed();
  const { directory, manifest } = bundle;
  const bytes = alter(Buffer.from(readFileSync(join(directory, name))));
  writeFileSync(join(directory, name), bytes);
  const files = manifest.files.map((file) =>
    file.name === name ? { ...file, sha256: sha256Of(bytes), bytes: bytes.length } : file,
  );
  return relisted(bundle, encodeManifest({ ...manifest, files }));
};

/** The bundle under another manifest, signed, pushed and listed. */
const relisted = async (bundle: TestBundle, manifestBytes: Uint8Array): Promise<TestBundle> => {
  const { directory } = bundle;
  writeFileSync(join(directory, MANIFEST_FILE), manifestBytes);
  writeFileSync(join(directory, SIGNATURE_FILE), signManifest(fleet.publisher, manifestBytes));
  await fleet.nanofleet('publisher', 'models', 'push', directory);
  return { ...bundle, digest: sha256Of(manifestBytes), manifest: parseManifest(manifestBytes) };
};

const flipped = (bytes: Buffer): Buffer => {
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  return bytes;
};

describe('a listed bundle', () => {
  it('is refused when it states other evaluation figures than the publishers have agreed on', async () => {
    await fleet.untilRuns(good);
    const bundle = fleet.signed();
    await fleet.liar.honest.push(bundle);
    const [first] = bundle.manifest.quality;
    const better = { dataset: first?.dataset ?? 'test', split: 'test', seed: '1', accuracy: '1' };
    await fleet.list(bundle, { quality: [better] });
    expect(await fleet.refusalOf(bundle)).toBe('FIGURES_FORGED');
  });

  it('is refused when a file of it leads out of its directory', async () => {
    const bundle = fleet.signed();
    const { name } = infer(bundle);
    const text = bundle.read(MANIFEST_FILE).toString().replace(JSON.stringify(name), '"../../identity.json"');
    const listed = { ...bundle, ...servedAs(bundle, text) };
    await fleet.list(listed);
    expect(await fleet.refusalOf(listed)).toBe('FILE_NAME_UNSAFE');
  });

  it('is refused when a file of it grows beyond what its manifest states', async () => {
    const bundle = packedBundle({ from: 'household-2', key: fleet.publisher, bits: 4, ...fleet.next() });
    await fleet.liar.honest.push(bundle);
    const manifest = {
      ...bundle.manifest,
      files: bundle.manifest.files.map((file) =>
        file.role === 'infer.int8' ? { ...file, bytes: 1_000, sha256: sha256Of('a bomb') } : file,
      ),
    };
    const { digest } = servedAs(bundle, Buffer.from(encodeManifest(manifest)).toString());
    await fleet.list({ digest, manifest });
    expect(await fleet.refusalOf({ ...bundle, digest, manifest })).toBe('WIRE_FORM_WRONG');
  });

  it('is refused when its graph holds an operator that is not allowed', async () => {
    const { name } = infer(fleet.signed());
    const bundle = await changed(name, (bytes) =>
      Buffer.from(bytes.toString('latin1').replaceAll('MatMulInteger', 'MatMulForeign'), 'latin1'),
    );
    expect(await fleet.refusalOf(bundle)).toBe('GRAPH_UNSUPPORTED');
  });

  it('is refused when its weights make it answer no numbers', async () => {
    const bundle = fleet.signed();
    const names = [MANIFEST_FILE, SIGNATURE_FILE, ...bundle.manifest.files.map(({ name }) => name)];
    const files = new Map(names.map((name) => [name, new Uint8Array(bundle.read(name))]));
    const { releaseCounter } = bundle.manifest;
    const bad = changedBundle(files, {
      key: fleet.publisher,
      releaseCounter,
      badness: { kind: 'not-finite' },
    });
    for (const [name, bytes] of bad) writeFileSync(join(bundle.directory, name), bytes);
    const listed = await relisted(bundle, bad.get(MANIFEST_FILE) ?? new Uint8Array());
    expect(await fleet.refusalOf(listed)).toBe('MODEL_NOT_FINITE');
  });

  it('is refused when a file of it was changed on its way', async () => {
    const bundle = await changed('prototypes.bin', flipped);
    const target = prototypesOf(bundle);
    fleet.liar.lies.set(deltaName(prototypesOf(good), target), Buffer.from('no delta'));
    fleet.liar.lies.set(target, flipped(bundle.read('prototypes.bin')));
    expect(await fleet.refusalOf(bundle)).toBe('DIGEST_MISMATCH');
  });

  it('comes whole when a delta to it was changed on its way', async () => {
    const bundle = await changed('prototypes.bin', flipped);
    fleet.liar.lies.set(deltaName(prototypesOf(good), prototypesOf(bundle)), Buffer.alloc(512, 1));
    fleet.order(bundle);
    expect((await fleet.untilRuns(bundle))?.running?.digest).toBe(bundle.digest);
  });
});
