// Bundles of a simulated fleet: real manifests, signatures and graphs of the smallest size. Good ones, and of each kind of
// bad one. Never decides who gets them.
import type { Digest } from '@nanofleet/protocol';
import { type SigningKey, sha256Of } from '@nanofleet/protocol/node';
import { encodeGolden } from '@nanofleet/runtime';
import { tinyTextBundle } from '@nanofleet/runtime/testing';

/** What is wrong with a release: nothing, its golden vectors, its needs, its signer, or the bytes that are served. */
export type Flaw = 'none' | 'golden' | 'needs' | 'foreign' | 'tampered';

/** A signed bundle with its files by name and by digest. */
export interface Release {
  readonly counter: number;
  readonly flaw: Flaw;
  readonly digest: Digest;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly blobs: ReadonlyMap<Digest, Uint8Array>;
}

/** Who signs what. */
export interface Signers {
  readonly publisher: SigningKey;
  readonly stranger: SigningKey;
}

const MANIFEST = 'manifest.json';
const SIGNATURE = 'manifest.sig';
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

const withGolden = (files: Map<string, Uint8Array>, sign: (change: object) => Map<string, Uint8Array>) => {
  const manifest = JSON.parse(Buffer.from(files.get(MANIFEST) ?? []).toString('utf8')) as {
    files: { role: string; name: string; sha256: string; bytes: number }[];
  };
  const stated = manifest.files.map((file) =>
    file.role === 'golden' ? { ...file, sha256: sha256Of(wrongGolden), bytes: wrongGolden.length } : file,
  );
  return sign({ files: stated }).set('golden.json', wrongGolden);
};

/** Makes the release of a number. */
export const makeRelease = (counter: number, flaw: Flaw, { publisher, stranger }: Signers): Release => {
  const key = flaw === 'foreign' ? stranger : publisher;
  const sign = (change: object) => tinyTextBundle(key, { ...changeOf(counter, flaw), ...change });
  const files = flaw === 'golden' ? withGolden(sign({}), sign) : sign({});
  const content = [...files].filter(([name]) => name !== SIGNATURE).map(([, bytes]) => bytes);
  return {
    counter,
    flaw,
    files,
    digest: sha256Of(files.get(MANIFEST) ?? new Uint8Array()),
    blobs: new Map(content.map((bytes) => [sha256Of(bytes), bytes])),
  };
};

/** The manifest and its signature, as an operator uploads them. */
export const manifestOf = ({ files }: Release): { manifest: Uint8Array; signature: string } => ({
  manifest: files.get(MANIFEST) ?? new Uint8Array(),
  signature: Buffer.from(files.get(SIGNATURE) ?? []).toString('utf8'),
});
