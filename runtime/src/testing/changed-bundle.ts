/** Owns later releases of a real bundle, good ones and ones that are bad in a known way, signed with a given key; for tests only. */
import {
  assert,
  encodeManifest,
  type FileRole,
  fileOfRole,
  MANIFEST_FILE,
  type Manifest,
  parseManifest,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { decodeGolden, encodeGolden, type Golden } from '../golden.ts';
import { type Badness, badGraph } from './bad-graph.ts';

/** What is wrong with a bundle: its graph, or that its labels are in another order. */
export type BundleBadness =
  | Exclude<Badness, { kind: 'not-finite' }>
  | { readonly kind: 'wrong' }
  | { readonly kind: 'not-finite' };

/** Files of a bundle by name. */
type Files = ReadonlyMap<string, Uint8Array>;

/** Another release of a bundle. */
export interface ChangedBundleOptions {
  readonly key: SigningKey;
  readonly releaseCounter: number;
  /** Left out: nothing. */
  readonly badness?: BundleBadness;
}

/** The files of another release of a bundle, whose own ones stay as they are. */
export function changedBundle(files: Files, { badness, key, releaseCounter }: ChangedBundleOptions): Files {
  const manifest = parseManifest(fileIn(files, MANIFEST_FILE));
  const released = { ...manifest, releaseCounter, version: `${releaseCounter}.0.0` };
  const changed: Changes = badness === undefined ? new Map() : badFiles(files, { manifest, badness });
  const stated = { ...restated(released, changed), labels: labelsOf(manifest, badness) };
  return signed(stated, replaced(files, { manifest, changed }), key);
}

/** In the order in which they are, or in a wrong one. */
const labelsOf = ({ labels }: Manifest, badness: BundleBadness | undefined): Manifest['labels'] =>
  badness?.kind === 'wrong'
    ? { ...labels, names: [...labels.names.slice(1), ...labels.names.slice(0, 1)] }
    : labels;

type Changes = ReadonlyMap<FileRole, Uint8Array>;

function badFiles(
  files: Files,
  { manifest, badness }: { manifest: Manifest; badness: BundleBadness },
): Changes {
  const read = (role: FileRole): Uint8Array => fileIn(files, fileOfRole(manifest, role)?.name ?? role);
  const labels = manifest.labels.names.length;
  if (badness.kind === 'wrong') return new Map();
  if (badness.kind !== 'not-finite')
    return new Map([['infer.int8', badGraph(read('infer.int8'), { badness, labels })]]);
  const { kept, above } = quietest(decodeGolden(read('golden'), manifest));
  const graph = badGraph(read('infer.int8'), { badness: { kind: 'not-finite', above }, labels });
  return new Map([
    ['infer.int8', graph],
    ['golden', encodeGolden(kept)],
  ]);
}

/** The golden case with the lowest peak: a graph that fails above it still reproduces it. */
function quietest(golden: Golden): { kept: Golden; above: number } {
  const peaks = golden.cases.map(({ logits }) => Math.max(...logits));
  const above = Math.min(...peaks);
  const at = peaks.indexOf(above);
  const kept = { ...golden, cases: golden.cases.slice(at, at + 1) } as Golden;
  return { kept, above: above + 0.05 };
}

const restated = (manifest: Manifest, changed: Changes): Manifest => ({
  ...manifest,
  files: manifest.files.map((file) => {
    const content = changed.get(file.role);
    return content === undefined ? file : { ...file, sha256: sha256Of(content), bytes: content.length };
  }),
});

const replaced = (files: Files, { manifest, changed }: { manifest: Manifest; changed: Changes }): Files =>
  new Map([
    ...files,
    ...[...changed].map(([role, content]) => [fileOfRole(manifest, role)?.name ?? role, content] as const),
  ]);

function signed(manifest: Manifest, files: Files, key: SigningKey): Files {
  const bytes = encodeManifest(manifest);
  return new Map([...files, [MANIFEST_FILE, bytes], [SIGNATURE_FILE, signManifest(key, bytes)]]);
}

function fileIn(files: Files, name: string): Uint8Array {
  const found = files.get(name);
  assert(found !== undefined, `the bundle has ${name}`);
  return found;
}
