/** Signed bundles in memory for tests of the slots: real manifests and signatures, a model of a few bytes, packed or not. */
import {
  BLOB_CHUNK_BYTES,
  type BundleFile,
  chunksName,
  type Digest,
  encodeManifest,
  type ManifestDraft,
  NanofleetError,
} from '@nanofleet/protocol';
import { type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { encodeGolden, type Runner, type TextRunner } from '@nanofleet/runtime';
import { type CheckedBundle, loadRunner } from '@nanofleet/runtime/node';
import { tinyWire } from '@nanofleet/runtime/testing';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Wish } from './slots.machine.ts';

const GOLDEN = encodeGolden({ task: 'text-intent', cases: [{ text: 'on', logits: [0, 0] }] });

interface Stated {
  readonly line: string;
  readonly releaseCounter: number;
  readonly model: BundleFile;
  readonly quantization: ManifestDraft['quantization'];
}

const draftOf = (options: Stated): ManifestDraft => ({
  format: 1,
  line: options.line,
  version: `${options.releaseCounter}.0.0`,
  releaseCounter: options.releaseCounter,
  task: 'text-intent',
  needs: { runtimeVersion: 1, rssBytes: 1_000 },
  files: [
    options.model,
    { role: 'golden', name: 'golden.json', sha256: sha256Of(GOLDEN), bytes: GOLDEN.length },
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
  quantization: options.quantization,
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
  readonly model: Digest;
  /** Digest of its golden vectors. */
  readonly golden: Digest;
  /** Digest of the form in which it travels. */
  readonly wire?: string;
}

const signed = (key: SigningKey, stated: Stated, files: readonly Uint8Array[]): TestBundle => {
  const manifestBytes = encodeManifest(draftOf(stated));
  const { releaseCounter, model } = stated;
  const digest = sha256Of(manifestBytes);
  const blobs = new Map<string, Uint8Array>([
    [digest, manifestBytes],
    [`${digest}.sig`, signManifest(key, manifestBytes)],
    ...[...files, GOLDEN].map((bytes) => [sha256Of(bytes), bytes] as const),
  ]);
  const wire = model.wire === undefined ? {} : { wire: model.wire.sha256 };
  return { wish: { digest, releaseCounter }, blobs, model: model.sha256, golden: sha256Of(GOLDEN), ...wire };
};

/** Makes and signs a bundle whose model is given, or so many bytes long. */
export const makeBundle = (
  key: SigningKey,
  options: { releaseCounter: number; modelBytes?: number; model?: Uint8Array; line?: string },
): TestBundle => {
  const { releaseCounter, modelBytes = 150_000, line = 'intent' } = options;
  const model = options.model ?? new Uint8Array(modelBytes).fill(releaseCounter);
  const file = {
    role: 'infer.int8',
    name: 'model.onnx',
    sha256: sha256Of(model),
    bytes: model.length,
  } as const;
  return signed(key, { line, releaseCounter, model: file, quantization: [] }, [model]);
};

/** Makes and signs a bundle whose model travels in 4 bits; `states` changes what the manifest says of the model. */
export const makePackedBundle = (
  key: SigningKey,
  options: { releaseCounter: number; states?: (file: BundleFile) => BundleFile },
): TestBundle => {
  const { releaseCounter, states = (file) => file } = options;
  const { file, graph, quantization, wire } = tinyWire({ rows: 2_400, bits: 4, first: releaseCounter });
  const stated = { line: 'intent', releaseCounter, model: states(file), quantization };
  return signed(key, stated, [graph, wire]);
};

const chunksOf = (bytes: Uint8Array): Uint8Array => {
  const chunks = Array.from({ length: Math.ceil(bytes.length / BLOB_CHUNK_BYTES) }, (_, at) =>
    bytes.subarray(at * BLOB_CHUNK_BYTES, (at + 1) * BLOB_CHUNK_BYTES),
  );
  return Buffer.concat(chunks.map((chunk) => Buffer.from(sha256Of(chunk), 'hex')));
};

/** Blobs of some bundles and the lists of their chunks, with a count of the bytes that were asked for. */
export const sourceOf = (...bundles: readonly TestBundle[]): BlobSource & { bytesServed: number } => {
  const files = bundles.flatMap(({ blobs }) => [...blobs]);
  const lists = files.map(([name, bytes]) => [chunksName(name as Digest), chunksOf(bytes)] as const);
  const all = new Map([...files, ...lists]);
  const source = {
    bytesServed: 0,
    fetch: (name: string, { from, length }: { from: number; length: number }) => {
      const whole = all.get(name);
      if (whole === undefined)
        return Promise.reject(new NanofleetError('BUNDLE_FILE_MISSING', `there is no ${name}`));
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
    decideTagged: () => Promise.resolve({ decided: scored, tags: null }),
    penultimate: () => Promise.resolve(new Float32Array(2)),
    release: () => {
      openRunners.delete(runner);
      return Promise.resolve();
    },
  };
  openRunners.add(runner);
  return Promise.resolve(runner);
};
