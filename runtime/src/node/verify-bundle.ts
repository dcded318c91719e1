/**
 * Owns the decision whether a bundle may run at all: signature over the exact bytes first, then the manifest, then what it needs, then
 * every file's size and digest. Holds the verified bytes, so that what was checked is what runs. Never opens a graph (load-runner.ts).
 */
import {
  type BundleFile,
  type Digest,
  type FileRole,
  type Manifest,
  NanofleetError,
  parseManifest,
  RUNTIME_VERSION,
  toNanofleetError,
  wireOf,
} from '@nanofleet/protocol';
import { checkManifestSignature, sha256Of } from '@nanofleet/protocol/node';
import { expandFile } from '../wire/wire-file.ts';
import { type BundleSource, directorySource } from './bundle-files.ts';

/** A bundle whose files fit its manifest. */
export interface CheckedBundle {
  /** SHA-256 of the exact bytes of manifest.json. */
  readonly digest: Digest;
  readonly manifest: Manifest;
  /** The checked bytes by role; these very buffers go to the session. */
  readonly files: ReadonlyMap<FileRole, Uint8Array>;
  /** Fingerprint of the publisher's key, or null for a bundle that is only inspected. */
  readonly signedBy: Digest | null;
}

/** A bundle that a pinned publisher signed: the only kind that a device runs. */
export interface VerifiedBundle extends CheckedBundle {
  readonly signedBy: Digest;
}

/** What a bundle is checked against. */
export interface VerifyOptions {
  /** Fingerprints of the keys whose signatures count. */
  readonly publisherFingerprints: readonly string[];
  /** Lowest release counter that may run; a lower one is a replay of an old release. */
  readonly minReleaseCounter?: number;
  /** Digest that was asked for. */
  readonly digest?: string;
  /** Memory that the model may take, bytes. */
  readonly rssBytesMax?: number;
}

/**
 * Verifies a bundle in a directory or another source.
 * @throws NanofleetError with its own code for each check: `SIGNATURE_*`, `DIGEST_MISMATCH`, `MANIFEST_*`, `NEEDS_NOT_MET`,
 * `RELEASE_COUNTER_OLD`, `BUNDLE_FILE_MISSING`, `BUNDLE_TOO_LARGE`.
 */
export async function verifyBundle(
  source: string | BundleSource,
  options: VerifyOptions,
): Promise<VerifiedBundle> {
  const opened = typeof source === 'string' ? directorySource(source) : source;
  const manifestBytes = await opened.manifest();
  const signatureBytes = await opened.signature();
  if (signatureBytes === undefined) {
    throw new NanofleetError(
      'SIGNATURE_MISSING',
      'The bundle has no manifest.sig. Sign it with: nanofleet models sign',
    );
  }
  const { publisherFingerprints } = options;
  const signedBy = checkManifestSignature({ manifestBytes, signatureBytes, publisherFingerprints });
  const checked = await checkContent(opened, { manifestBytes, ...options });
  return { ...checked, signedBy };
}

/** Opens a bundle without asking for a signature: for making, evaluating and signing it, never for running it on a device. */
export async function inspectBundle(source: string | BundleSource): Promise<CheckedBundle> {
  const opened = typeof source === 'string' ? directorySource(source) : source;
  return checkContent(opened, { manifestBytes: await opened.manifest() });
}

type ContentOptions = Omit<VerifyOptions, 'publisherFingerprints'> & { readonly manifestBytes: Uint8Array };

async function checkContent(source: BundleSource, options: ContentOptions): Promise<CheckedBundle> {
  const digest = sha256Of(options.manifestBytes);
  if (options.digest !== undefined && options.digest !== digest) {
    const problem = `The manifest has the digest ${digest}, but ${options.digest} was asked for.`;
    throw new NanofleetError('DIGEST_MISMATCH', problem, { facts: { file: 'manifest.json' } });
  }
  const manifest = parseManifest(options.manifestBytes);
  checkNeeds(manifest, options);
  checkCounter(manifest, options.minReleaseCounter ?? 0);
  const files = new Map<FileRole, Uint8Array>();
  for (const file of manifest.files) files.set(file.role, await readEither(source, { manifest, file }));
  return { digest, manifest, files, signedBy: null };
}

function checkNeeds({ needs }: Manifest, { rssBytesMax }: ContentOptions): void {
  if (needs.runtimeVersion > RUNTIME_VERSION) {
    const problem = `The bundle needs runtime version ${needs.runtimeVersion}; this one has ${RUNTIME_VERSION}. Update the agent.`;
    throw new NanofleetError('NEEDS_NOT_MET', problem, {
      facts: { needed: needs.runtimeVersion, present: RUNTIME_VERSION },
    });
  }
  if (rssBytesMax === undefined || needs.rssBytes <= rssBytesMax) return;
  const problem = `The bundle needs ${needs.rssBytes} bytes of memory; ${rssBytesMax} are allowed.`;
  throw new NanofleetError('NEEDS_NOT_MET', problem, {
    facts: { needed: needs.rssBytes, present: rssBytesMax },
  });
}

function checkCounter({ releaseCounter }: Manifest, lowest: number): void {
  if (releaseCounter >= lowest) return;
  const problem = `The bundle is release ${releaseCounter}; release ${lowest} or later is accepted here.`;
  throw new NanofleetError('RELEASE_COUNTER_OLD', problem, { facts: { releaseCounter, lowest } });
}

/** A file, or what its wire form expands to where only that is there. */
async function readEither(
  source: BundleSource,
  { manifest, file }: { manifest: Manifest; file: BundleFile },
): Promise<Uint8Array> {
  const wire = wireOf(file);
  if (wire === undefined) return readChecked(source, file);
  try {
    return await readChecked(source, file);
  } catch (thrown) {
    if (toNanofleetError(thrown).code !== 'BUNDLE_FILE_MISSING') throw thrown;
    return expandFile(await source.file(wire.name, wire.bytes), { manifest, file, wire, sha256Of });
  }
}

async function readChecked(source: BundleSource, file: BundleFile): Promise<Uint8Array> {
  const bytes = await source.file(file.name, file.bytes);
  if (bytes.byteLength === file.bytes && sha256Of(bytes) === file.sha256) return bytes;
  const problem = `${file.name} does not have the size and digest that the manifest states.`;
  throw new NanofleetError('DIGEST_MISMATCH', problem, { facts: { file: file.name } });
}
