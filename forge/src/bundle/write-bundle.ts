// Owns putting a bundle into a directory: files by role, the manifest with their digests, the card. Bundles leave here
// unsigned: keys live with the operator's command. It never makes a model.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  encodeManifest,
  type FileRole,
  MANIFEST_FILE,
  type ManifestDraft,
  wireFormFor,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { writeAtomically } from '../train/array-file.ts';

/** File name of each role. */
const FILE_NAMES: Readonly<Record<FileRole, string>> = {
  'infer.int8': 'infer.int8.onnx',
  'train-step': 'train-step.onnx',
  prototypes: 'prototypes.bin',
  golden: 'golden.json',
  tokenizer: 'tokenizer.json',
};

/** Name of the form in which `infer.int8` travels. */
const WIRE_NAME = 'infer.nfw';

/** Name of the text for people beside the manifest; it is not part of the digest. */
export const CARD_FILE = 'CARD.md';

type Draft<Task> = Task extends ManifestDraft
  ? Omit<Task, 'files' | 'cost'> & { cost: Omit<Task['cost'], 'bytes'> }
  : never;

/** What goes into a bundle. The manifest comes without what follows from the files. */
export interface BundleContent {
  readonly manifest: Draft<ManifestDraft>;
  readonly files: ReadonlyMap<FileRole, Uint8Array>;
  /** The form in which `infer.int8` travels, if it has one. */
  readonly wire?: Uint8Array;
  /** The card's text, made from the finished manifest's digest and the size of all files. */
  readonly card: (facts: { readonly digest: string; readonly bytes: number }) => string;
}

/** Writes a bundle and resolves to its digest. The manifest is written last: a directory with one is whole. */
export async function writeBundle(
  directory: string,
  { manifest, files, wire, card }: BundleContent,
): Promise<{ digest: string; bytes: number }> {
  const listed = [...files].map(([role, content]) => ({
    role,
    ...entry(FILE_NAMES[role], content),
    ...(role === 'infer.int8' && wire
      ? { wire: { form: wireFormFor(manifest.quantization), ...entry(WIRE_NAME, wire) } }
      : {}),
  }));
  const bytes = listed.reduce((sum, file) => sum + file.bytes, 0);
  const draft = { ...manifest, files: listed, cost: { ...manifest.cost, bytes } };
  const manifestBytes = encodeManifest(draft);
  const digest = sha256Of(manifestBytes);
  await mkdir(directory, { recursive: true });
  for (const [role, content] of files) await writeAtomically(join(directory, FILE_NAMES[role]), content);
  if (wire) await writeAtomically(join(directory, WIRE_NAME), wire);
  await writeAtomically(
    join(directory, CARD_FILE),
    Buffer.from(card({ digest, bytes: bytes + manifestBytes.length })),
  );
  await writeAtomically(join(directory, MANIFEST_FILE), manifestBytes);
  return { digest, bytes: bytes + manifestBytes.length };
}

const entry = (name: string, content: Uint8Array) => ({
  name,
  sha256: sha256Of(content),
  bytes: content.length,
});
