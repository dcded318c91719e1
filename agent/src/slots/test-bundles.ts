/** Signed bundles in memory for tests of the slots: real manifests and signatures, a model of a few bytes. */
import { encodeManifest, type ManifestDraft } from '@nanofleet/protocol';
import { type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import type { Runner, TextRunner } from '@nanofleet/runtime';
import { type CheckedBundle, loadRunner } from '@nanofleet/runtime/node';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Wish } from './slots.machine.ts';

const draftOf = (options: { line: string; releaseCounter: number; model: Uint8Array }): ManifestDraft => ({
  format: 1,
  line: options.line,
  version: `${options.releaseCounter}.0.0`,
  releaseCounter: options.releaseCounter,
  task: 'text-intent',
  needs: { runtimeVersion: 1, rssBytes: 1_000 },
  files: [
    { role: 'infer.int8', name: 'model.onnx', sha256: sha256Of(options.model), bytes: options.model.length },
    { role: 'golden', name: 'golden.json', sha256: sha256Of('{}'), bytes: 2 },
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
    rowsMax: 512,
  },
  calibration: { temperature: 1, outOfScope: { kind: 'max-logit', scale: -1, bias: 0 } },
  thresholds: { confidence: [0.5, 0.5], outOfScope: 0.5 },
  trainable: [],
  quantization: [],
  golden: { tolerance: 0.05 },
  quality: [],
  cost: { bytes: 20, microseconds: 40, rssBytes: 1_000 },
  license: 'Apache-2.0',
  attribution: [],
  parent: null,
});

/** A bundle as blobs by name. */
export interface TestBundle {
  readonly wish: Wish;
  readonly blobs: Map<string, Uint8Array>;
  /** Digest of the model file. */
  readonly model: string;
}

/** Makes and signs a bundle whose model is so many bytes long. */
export const makeBundle = (
  key: SigningKey,
  options: { releaseCounter: number; modelBytes?: number; line?: string },
): TestBundle => {
  const { releaseCounter, modelBytes = 150_000, line = 'intent' } = options;
  const model = new Uint8Array(modelBytes).fill(releaseCounter);
  const manifestBytes = encodeManifest(draftOf({ line, releaseCounter, model }));
  const digest = sha256Of(manifestBytes);
  const blobs = new Map<string, Uint8Array>([
    [digest, manifestBytes],
    [`${digest}.sig`, signManifest(key, manifestBytes)],
    [sha256Of(model), model],
    [sha256Of('{}'), Buffer.from('{}')],
  ]);
  return { wish: { digest, releaseCounter }, blobs, model: sha256Of(model) };
};

/** Blobs of some bundles, with a count of the bytes that were asked for. */
export const sourceOf = (...bundles: readonly TestBundle[]): BlobSource & { bytesServed: number } => {
  const all = new Map(bundles.flatMap(({ blobs }) => [...blobs]));
  const source = {
    bytesServed: 0,
    fetch: (name: string, { from, length }: { from: number; length: number }) => {
      const whole = all.get(name) ?? new Uint8Array();
      const bytes = whole.subarray(from, from + length);
      source.bytesServed += bytes.length;
      return Promise.resolve({ bytes, totalBytes: whole.length });
    },
  };
  return source;
};

/** Runners that were loaded and not released. */
export const openRunners = new Set<Runner>();

/** Loads a bundle without a model; counts what is open. */
export const loadNothing: typeof loadRunner = ({ manifest, digest }: CheckedBundle): Promise<Runner> => {
  if (manifest.task !== 'text-intent')
    return loadRunner({ manifest, digest, files: new Map(), signedBy: null });
  const scored = {
    label: 'on',
    labelIndex: 0,
    confidence: 1,
    outOfScope: 0,
    verdict: 'sure',
    logits: new Float32Array(2),
  } as const;
  const runner: TextRunner = {
    task: 'text-intent',
    line: manifest.line,
    version: manifest.version,
    releaseCounter: manifest.releaseCounter,
    digest,
    labels: manifest.labels.names,
    manifest,
    decide: () => Promise.resolve(scored),
    explain: () => Promise.resolve({ words: [], ngrams: [] }),
    tagScores: () => Promise.resolve(null),
    penultimate: () => Promise.resolve(new Float32Array(2)),
    release: () => {
      openRunners.delete(runner);
      return Promise.resolve();
    },
  };
  openRunners.add(runner);
  return Promise.resolve(runner);
};
