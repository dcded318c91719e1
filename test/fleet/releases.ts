// Bundles of a simulated fleet: real manifests, signatures and graphs of the smallest size. Good ones, and of each kind of
// bad one. Never decides who gets them.
import { type BundleFile, type Digest, parseManifest, WIRE_FORM } from '@nanofleet/protocol';
import { type SigningKey, sha256Of } from '@nanofleet/protocol/node';
import { encodeGolden, encodeWire } from '@nanofleet/runtime';
import { tinyTextBundle } from '@nanofleet/runtime/testing';

/** What is wrong with a release: nothing, its golden vectors, its needs, its signer, or the bytes that are served. */
export type Flaw = 'none' | 'golden' | 'needs' | 'foreign' | 'tampered';

/** A signed bundle with its files by name and by digest. */
export interface Release {
  readonly counter: number;
  readonly flaw: Flaw;
  readonly digest: Digest;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What is uploaded; the graph of every second release only in the form in which it travels. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

/** Who signs what. */
export interface Signers {
  readonly publisher: SigningKey;
  readonly stranger: SigningKey;
}

const MANIFEST = 'manifest.json';
const SIGNATURE = 'manifest.sig';
const GRAPH = 'infer.onnx';
const WIRE = 'infer.nfw';
const LATER_RUNTIME = 1_000;

const wrongGolden = encodeGolden({
  task: 'text-intent',
  cases: [{ text: 'light on', logits: [1_000, -1_000] }],
});

const changeOf = (counter: number, flaw: Flaw): object => ({
  version: `${counter}.0.0`,
  releaseCounter: counter,
  // Confident in part of the texts only, so that both verdicts occur.
  thresholds: { confidence: [0.97, 0.97], outOfScope: 0.9 },
  calibration: { temperature: 6, outOfScope: { kind: 'max-logit', scale: -1, bias: 0 } },
  ...(flaw === 'needs' ? { needs: { runtimeVersion: LATER_RUNTIME, rssBytes: 1_000 } } : {}),
});

const statedAs = (bytes: Uint8Array) => ({ sha256: sha256Of(bytes), bytes: bytes.length });

/** The files as the manifest states them, with other golden vectors or a form in which the graph travels. */
const stated = (
  files: ReadonlyMap<string, Uint8Array>,
  change: { golden: Uint8Array | null; wire: Uint8Array | null },
): BundleFile[] =>
  parseManifest(files.get(MANIFEST) ?? new Uint8Array()).files.map((file) => {
    if (file.role === 'golden' && change.golden !== null) return { ...file, ...statedAs(change.golden) };
    if (file.role !== 'infer.int8' || change.wire === null) return file;
    return { ...file, wire: { form: WIRE_FORM, name: WIRE, ...statedAs(change.wire) } };
  });

/** Makes the release of a number. */
export const makeRelease = (counter: number, flaw: Flaw, { publisher, stranger }: Signers): Release => {
  const key = flaw === 'foreign' ? stranger : publisher;
  const sign = (change: object) => tinyTextBundle(key, { ...changeOf(counter, flaw), ...change });
  const plain = sign({});
  // The smallest graphs have no quantized weights: their packed form is a head and the graph.
  const wire = counter % 2 === 0 ? encodeWire(plain.get(GRAPH) ?? new Uint8Array(), []) : null;
  const golden = flaw === 'golden' ? wrongGolden : null;
  const files = sign({ files: stated(plain, { golden, wire }) });
  if (golden !== null) files.set('golden.json', golden);
  const sent = new Map(files);
  if (wire !== null) {
    sent.delete(GRAPH);
    sent.set(WIRE, wire);
  }
  sent.delete(SIGNATURE);
  return {
    counter,
    flaw,
    files,
    digest: sha256Of(files.get(MANIFEST) ?? new Uint8Array()),
    blobs: new Map([...sent.values()].map((bytes) => [sha256Of(bytes), bytes])),
  };
};

/** The manifest and its signature, as an operator uploads them. */
export const manifestOf = ({ files }: Release): { manifest: Uint8Array; signature: string } => ({
  manifest: files.get(MANIFEST) ?? new Uint8Array(),
  signature: Buffer.from(files.get(SIGNATURE) ?? []).toString('utf8'),
});
