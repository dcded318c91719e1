/**
 * A signed bundle as one file, for sites that no network reaches: a line that says what it is, its manifest and signature,
 * the bytes of its files. Whatever is read is checked against the pinned publishers before anything is done with it. Never
 * asks a controller.
 */
import { type Digest, digestSchema, type Manifest, NanofleetError, parseManifest } from '@nanofleet/protocol';
import { checkManifestSignature, sha256Of } from '@nanofleet/protocol/node';
import { z } from 'zod';

const MAGIC = 'nanofleet-model 1\n';
const headerSchema = z.object({
  digest: digestSchema,
  /** Of manifest.json, base64. */
  manifest: z.base64(),
  /** Exact content of manifest.sig. */
  signature: z.string(),
  files: z.array(z.object({ sha256: digestSchema, bytes: z.int().min(0) })).max(64),
});

/** A bundle with all of its bytes. */
export interface WholeBundle {
  readonly digest: Digest;
  readonly manifestBytes: Uint8Array;
  readonly signature: string;
  readonly files: ReadonlyMap<Digest, Uint8Array>;
}

/** The bytes of the file. */
export const encodeBundleFile = ({ digest, files, manifestBytes, signature }: WholeBundle): Buffer => {
  const stated = [...files].map(([sha256, { length }]) => ({ sha256, bytes: length }));
  const manifest = Buffer.from(manifestBytes).toString('base64');
  const header = JSON.stringify({ digest, manifest, signature, files: stated });
  return Buffer.concat([Buffer.from(`${MAGIC}${header}\n`), ...files.values()]);
};

/**
 * The bundle in a file.
 * @throws NanofleetError BUNDLE_FILE_MISSING for a file that is none or is cut off, SIGNATURE_…, DIGEST_MISMATCH
 */
export const decodeBundleFile = (
  bytes: Buffer,
  publisherFingerprints: readonly string[],
): WholeBundle & { manifest: Manifest } => {
  const end = bytes.indexOf('\n', MAGIC.length);
  if (bytes.subarray(0, MAGIC.length).toString() !== MAGIC || end < 0)
    throw broken('it is no file of models export');
  const { digest, files: stated, manifest, signature } = headerOf(bytes.subarray(MAGIC.length, end));
  const manifestBytes = Buffer.from(manifest, 'base64');
  checkManifestSignature({ manifestBytes, signatureBytes: Buffer.from(signature), publisherFingerprints });
  if (sha256Of(manifestBytes) !== digest) throw broken('its manifest has another digest');
  const files = new Map<Digest, Uint8Array>();
  let from = end + 1;
  for (const { bytes: length, sha256 } of stated) {
    const part = bytes.subarray(from, from + length);
    from += length;
    if (sha256Of(part) !== sha256)
      throw new NanofleetError('DIGEST_MISMATCH', `A file in it is not ${sha256}.`);
    files.set(sha256, part);
  }
  if (from !== bytes.length) throw broken('it has another length than it says');
  return { digest, manifestBytes, signature, files, manifest: complete(parseManifest(manifestBytes), files) };
};

const headerOf = (line: Buffer): z.infer<typeof headerSchema> => {
  try {
    return headerSchema.parse(JSON.parse(line.toString('utf8')));
  } catch (cause) {
    throw broken('its first lines cannot be read', cause);
  }
};

const complete = (manifest: Manifest, files: ReadonlyMap<Digest, unknown>): Manifest => {
  const missing = manifest.files.find(({ sha256 }) => !files.has(sha256));
  if (missing === undefined) return manifest;
  throw broken(`${missing.name} is not in it`);
};

const broken = (why: string, cause?: unknown) =>
  new NanofleetError('BUNDLE_FILE_MISSING', `The file holds no whole bundle: ${why}.`, { cause });
