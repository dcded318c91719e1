/** Owns whole bundles made of tiny graphs, in memory, signed with a given key; for tests of this package only. */
import { encodeManifest, type FileRole, type ManifestDraft, SIGNATURE_FILE } from '@nanofleet/protocol';
import { type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { encodeGolden, encodeWindow } from '../golden.ts';
import { TextFeatures } from '../text/text-features.ts';
import { tinySensorGraph, tinyTextGraph } from './tiny-graph.ts';

const BUCKETS = 8;
/** Row r adds r to the first feature and 1 to the second. */
const TABLE = Array.from({ length: BUCKETS }, (_, row) => [row, 1]);
const WEIGHT = [
  [1, 0],
  [0, 2],
];
const FEATURES = {
  kind: 'hashed-ngrams-1',
  buckets: BUCKETS,
  charMin: 2,
  charMax: 3,
  wordBigrams: false,
  lowerCase: true,
  rowsMax: 256,
} as const;

const shared = {
  format: 1,
  version: '1.0.0',
  releaseCounter: 3,
  needs: { runtimeVersion: 1, rssBytes: 1000 },
  labels: { version: 1, names: ['first', 'second'] },
  calibration: { temperature: 1, outOfScope: { kind: 'max-logit', scale: -1, bias: 0 } },
  thresholds: { confidence: [0.6, 0.6], outOfScope: 0.9 },
  trainable: [],
  quantization: [],
  golden: { tolerance: 0.001 },
  quality: [],
  cost: { bytes: 1000, microseconds: 10, rssBytes: 1000 },
  license: 'Apache-2.0',
  attribution: [],
  parent: null,
} as const satisfies Partial<ManifestDraft>;

/** Files of a bundle by name. */
export type TinyBundle = Map<string, Uint8Array>;

/** What the tiny text graph must answer to a text. */
export function tinyTextLogits(text: string): number[] {
  const { rows } = new TextFeatures(FEATURES).of(text);
  return [rows.reduce((sum, row) => sum + row, 0), 2 * rows.length];
}

/** A signed text bundle; `change` alters the manifest before it is signed. */
export function tinyTextBundle(key: SigningKey, change: object = {}): TinyBundle {
  const cases = ['light on', 'off'].map((text) => ({ text, logits: tinyTextLogits(text) }));
  return bundle(key, {
    graph: tinyTextGraph({ table: TABLE, weight: WEIGHT }),
    golden: encodeGolden({ task: 'text-intent', cases }),
    draft: (files) => ({
      ...shared,
      files,
      line: 'intent',
      task: 'text-intent',
      inputs: [{ name: 'rows', shape: [null], type: 'int32', unit: 'feature row' }],
      text: FEATURES,
      ...change,
    }),
  });
}

/** A signed sensor bundle of two channels and four samples; its logits are the means of the channels. */
export function tinySensorBundle(key: SigningKey, change: object = {}): TinyBundle {
  const window = Float32Array.of(1, 2, 3, 4, 0, 0, 1, 1);
  return bundle(key, {
    graph: tinySensorGraph({ samples: 4, weight: WEIGHT }),
    golden: encodeGolden({
      task: 'sensor-event',
      cases: [{ window: encodeWindow(window), logits: [2.5, 1] }],
    }),
    draft: (files) => ({
      ...shared,
      files,
      line: 'vibration',
      task: 'sensor-event',
      inputs: [{ name: 'window', shape: [1, 2, 4], type: 'float32', unit: 'g', rateHz: 10 }],
      sensor: {
        channels: ['x', 'y'],
        windowSamples: 4,
        hopSamples: 2,
        rateHz: 10,
        debounceWindows: 2,
        events: [{ label: 'second', start: 0.8, stop: 0.4 }],
      },
      ...change,
    }),
  });
}

interface Parts {
  readonly graph: Uint8Array;
  readonly golden: Uint8Array;
  readonly draft: (files: ManifestDraft['files']) => ManifestDraft;
}

function bundle(key: SigningKey, { graph, golden, draft }: Parts): TinyBundle {
  const entry = (role: FileRole, name: string, bytes: Uint8Array) => ({
    role,
    name,
    sha256: sha256Of(bytes),
    bytes: bytes.length,
  });
  const manifest = encodeManifest(
    draft([entry('infer.int8', 'infer.onnx', graph), entry('golden', 'golden.json', golden)]),
  );
  return new Map([
    ['manifest.json', manifest],
    [SIGNATURE_FILE, signManifest(key, manifest)],
    ['infer.onnx', graph],
    ['golden.json', golden],
  ]);
}
