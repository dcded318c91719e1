// Behaviour of bundle signatures: made only for whole bundles, refused with the code of what is wrong.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeManifest, type ManifestDraft } from '../manifest.ts';
import { checkManifestSignature, signBundleDirectory, signManifest } from './bundle-signature.ts';
import { generateSigningKey } from './keys.ts';
import { sha256Of } from './sha256.ts';

const graph = new TextEncoder().encode('a graph');
const golden = new TextEncoder().encode('golden vectors');
const manifestBytes = encodeManifest({
  format: 1,
  line: 'intent',
  version: '1',
  releaseCounter: 1,
  task: 'text-intent',
  needs: { runtimeVersion: 1, rssBytes: 0 },
  files: [
    { role: 'infer.int8', name: 'graph.onnx', sha256: sha256Of(graph), bytes: graph.length },
    { role: 'golden', name: 'golden.json', sha256: sha256Of(golden), bytes: golden.length },
  ],
  inputs: [{ name: 'rows', shape: [null], type: 'int32', unit: 'feature row' }],
  labels: { version: 1, names: ['on', 'off'] },
  text: {
    kind: 'hashed-ngrams-1',
    buckets: 64,
    charMin: 2,
    charMax: 4,
    wordBigrams: true,
    lowerCase: true,
    rowsMax: 64,
  },
  calibration: { temperature: 1, outOfScope: { kind: 'max-logit', scale: -1, bias: 0 } },
  thresholds: { confidence: [0.5, 0.5], outOfScope: 0.5 },
  trainable: [],
  quantization: [],
  golden: { tolerance: 0.01 },
  quality: [],
  cost: { bytes: 21, microseconds: 1, rssBytes: 0 },
  license: 'Apache-2.0',
  attribution: [],
  parent: null,
});

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-sign-'));
  await writeFile(join(directory, 'manifest.json'), manifestBytes);
  await writeFile(join(directory, 'graph.onnx'), graph);
  await writeFile(join(directory, 'golden.json'), golden);
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const key = generateSigningKey();
const publisherFingerprints = [key.fingerprint];
const signatureBytes = signManifest(key, manifestBytes);

describe('signBundleDirectory', () => {
  it('writes a signature that the check accepts, and tells the digest of the bundle', async () => {
    const { digest, manifest } = await signBundleDirectory(directory, key);
    const written = await readFile(join(directory, 'manifest.sig'));
    expect(digest).toBe(sha256Of(manifestBytes));
    expect(manifest.line).toBe('intent');
    expect(checkManifestSignature({ manifestBytes, signatureBytes: written, publisherFingerprints })).toBe(
      key.fingerprint,
    );
  });

  it('signs nothing when a file is changed or missing', async () => {
    await writeFile(join(directory, 'graph.onnx'), 'another graph');
    await expect(signBundleDirectory(directory, key)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await rm(join(directory, 'graph.onnx'));
    await expect(signBundleDirectory(directory, key)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
    await expect(readFile(join(directory, 'manifest.sig'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('signs a graph in either form, but neither when the other one there was changed', async () => {
    const wire = 'fewer bytes';
    const stated = JSON.parse(new TextDecoder().decode(manifestBytes)) as ManifestDraft;
    const form = { form: 'nfw1', name: 'graph.nfw', sha256: sha256Of(wire), bytes: wire.length };
    const files = stated.files.map((file) => (file.role === 'infer.int8' ? { ...file, wire: form } : file));
    await writeFile(join(directory, 'manifest.json'), encodeManifest({ ...stated, files }));
    await signBundleDirectory(directory, key);
    await writeFile(join(directory, 'graph.nfw'), 'other bytes');
    await expect(signBundleDirectory(directory, key)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await writeFile(join(directory, 'graph.nfw'), wire);
    await rm(join(directory, 'graph.onnx'));
    await signBundleDirectory(directory, key);
    await rm(join(directory, 'graph.nfw'));
    await expect(signBundleDirectory(directory, key)).rejects.toMatchObject({ code: 'BUNDLE_FILE_MISSING' });
  });
});

const check = (change: Partial<Parameters<typeof checkManifestSignature>[0]>) => () =>
  checkManifestSignature({ manifestBytes, signatureBytes, publisherFingerprints, ...change });
const edited = (edit: object): Uint8Array => {
  const value: unknown = JSON.parse(new TextDecoder().decode(signatureBytes));
  return new TextEncoder().encode(JSON.stringify({ ...(value as object), ...edit }));
};
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe('checkManifestSignature', () => {
  it('refuses a key that is not pinned', () => {
    expect(check({ publisherFingerprints: [generateSigningKey().fingerprint] })).toThrow(
      code('SIGNATURE_KEY_FOREIGN'),
    );
    expect(check({ publisherFingerprints: [] })).toThrow(code('SIGNATURE_KEY_FOREIGN'));
  });

  it('refuses a pinned key id that comes with another key', () => {
    const foreign = Buffer.from(generateSigningKey().publicKey).toString('base64');
    expect(check({ signatureBytes: edited({ publicKey: foreign }) })).toThrow(code('SIGNATURE_MALFORMED'));
  });

  it('refuses a manifest with any single byte changed', () => {
    for (let at = 0; at < manifestBytes.length; at += 1) {
      const changed = Uint8Array.from(manifestBytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(check({ manifestBytes: changed })).toThrow(code('SIGNATURE_WRONG'));
    }
  });

  it.each([
    ['no JSON', new TextEncoder().encode('{')],
    ['a short signature', edited({ signature: 'AAAA' })],
    ['far too many bytes', new Uint8Array(2000)],
  ])('refuses a signature file with %s', (_name, bytes) => {
    expect(check({ signatureBytes: bytes })).toThrow(code('SIGNATURE_MALFORMED'));
  });
});
