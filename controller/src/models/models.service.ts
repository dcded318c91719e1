/**
 * Rules of the registry: a bundle gets in when a publisher's signature fits the exact manifest bytes, before anything
 * parses them, and all its files are stored. Never signs, never changes a bundle, never decides who runs it.
 */

import {
  type ApiAnswer,
  type BundleFile,
  type Digest,
  formsOf,
  type Manifest,
  type Model,
  NanofleetError,
  parseManifest,
  type StoredFile,
  wireOf,
} from '@nanofleet/protocol';
import { checkManifestSignature, sha256Of } from '@nanofleet/protocol/node';
import { expandFile, packFile } from '@nanofleet/runtime';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { TimelineService } from '../history/timeline.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { TrustService } from '../trust/trust.service.ts';
import { BlobStore } from './blob-store.ts';
import type { BundleLabels } from './labels.plan.ts';
import { type ModelRow, ModelsRepository } from './models.repository.ts';

/** The registry. */
@Injectable()
export class ModelsService implements OnModuleInit {
  /** Blobs that devices may fetch, as far as this process has met them. */
  readonly #servable = new Set<Digest>();
  /** Of bundles that were asked for; a manifest never changes. */
  readonly #manifests = new Map<Digest, Manifest>();
  /** Likewise: a bundle keeps the signature that it was registered with. */
  readonly #signatures = new Map<Digest, Buffer>();

  constructor(
    private readonly repository: ModelsRepository,
    private readonly blobs: BlobStore,
    private readonly trust: TrustService,
    private readonly timeline: TimelineService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Learns what is registered. */
  async onModuleInit(): Promise<void> {
    for (const row of await this.repository.all()) this.#allow(row);
  }

  /** Whether devices may fetch a blob: a part of a registered bundle, or the head that a round begins from. */
  async isServable(digest: Digest): Promise<boolean> {
    if (this.#servable.has(digest)) return true;
    const isServable = await this.repository.isServable(digest);
    if (isServable) this.#servable.add(digest);
    return isServable;
  }

  /** The manifest of a registered bundle; @throws NanofleetError BUNDLE_FILE_MISSING */
  async manifestOf(digest: Digest): Promise<Manifest> {
    const known = this.#manifests.get(digest);
    if (known !== undefined) return known;
    const manifest = parseManifest(await this.blobs.read(digest));
    this.#manifests.set(digest, manifest);
    return manifest;
  }

  /** The label list of a registered bundle; @throws NanofleetError BUNDLE_FILE_MISSING */
  async labelsOf(digest: Digest): Promise<BundleLabels> {
    return (await this.manifestOf(digest)).labels;
  }

  /** Content of manifest.sig; @throws NanofleetError MODEL_UNKNOWN */
  async signatureOf(digest: Digest): Promise<Buffer> {
    const kept = this.#signatures.get(digest);
    if (kept !== undefined) return kept;
    const signature = Buffer.from((await this.known(digest)).signature, 'utf8');
    this.#signatures.set(digest, signature);
    return signature;
  }

  /** The same where this process has it in memory; null for what is no manifest, or one that nobody asked it for yet. */
  keptSignatureOf(digest: Digest): Buffer | null {
    return this.#signatures.get(digest) ?? null;
  }

  /**
   * Registers a bundle; again changes nothing.
   * @throws NanofleetError SIGNATURE_*, MANIFEST_*, BUNDLE_FILE_MISSING, BUNDLE_TOO_LARGE
   */
  async add(manifestBytes: Uint8Array, signature: string): Promise<Model> {
    if (signature === '') {
      throw new NanofleetError(
        'SIGNATURE_MISSING',
        'The bundle is not signed; run: nanofleet models sign DIR.',
      );
    }
    const keyId = checkManifestSignature({
      manifestBytes,
      signatureBytes: Buffer.from(signature, 'utf8'),
      publisherFingerprints: await this.trust.publisherKeyIds(),
    });
    const manifest = parseManifest(manifestBytes);
    const digest = sha256Of(manifestBytes);
    for (const file of manifest.files) await this.#requireFile(manifest, file);
    await this.blobs.keep(manifestBytes);
    const { files, line, parent, quality, releaseCounter, task, version } = manifest;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const stated = { digest, line, task, version, releaseCounter, bytes, parent, quality, files, signature };
    await this.repository.add({ ...stated, keyId, uploadedAt: this.clock.unixMs() });
    const row = await this.known(digest);
    this.#allow(row);
    this.timeline.note({ kind: 'model-added', key: digest, line, digest, detail: version });
    return row;
  }

  /** All bundles. */
  list(): Promise<ModelRow[]> {
    return this.repository.all();
  }

  /** One bundle with its ancestors and what is missing on the disk. */
  async show(digest: Digest): Promise<ApiAnswer<'model'>> {
    const row = await this.known(digest);
    const lineage: Model[] = [];
    for (const ancestor of await this.repository.ancestors(digest)) {
      const found = await this.repository.one(ancestor);
      if (found !== undefined) lineage.push(found);
    }
    const missing: Digest[] = [];
    for (const { sha256 } of row.files.flatMap((file) => [file, wireOf(file) ?? []].flat()))
      if ((await this.blobs.size(sha256)) === null) missing.push(sha256);
    return { ...row, lineage, missing, card: await this.#card(digest) };
  }

  /** One bundle; @throws NanofleetError MODEL_UNKNOWN */
  async known(digest: Digest): Promise<ModelRow> {
    const row = await this.repository.one(digest);
    if (row !== undefined) return row;
    throw new NanofleetError(
      'MODEL_UNKNOWN',
      `The registry holds no bundle ${digest.slice(0, 12)}…; push it: nanofleet models push DIR.`,
      { facts: { digest } },
    );
  }

  /** What the manifest says; null when it is gone. */
  async #card(digest: Digest): Promise<ApiAnswer<'model'>['card']> {
    if ((await this.blobs.size(digest)) === null) return null;
    const manifest = parseManifest(await this.blobs.read(digest));
    const { attribution, cost, files, labels, license, quality } = manifest;
    const travelBytes = files.reduce((sum, file) => sum + (wireOf(file) ?? file).bytes, 0);
    return { attribution, cost, labels, license, quality, travelBytes };
  }

  /**
   * Either form of a file is enough to upload: the other one is made of it. Devices fetch the wire form; those that do not know it,
   * rounds and publishers take the file itself.
   */
  async #requireFile(manifest: Manifest, file: BundleFile): Promise<void> {
    const wire = wireOf(file);
    if (wire === undefined) return this.#requireBlob(file);
    const travelling = { manifest, file, wire, sha256Of };
    if ((await this.blobs.size(wire.sha256)) === wire.bytes) {
      await this.blobs.keep(expandFile(await this.blobs.read(wire.sha256), travelling));
      return;
    }
    await this.#requireBlob(file);
    const packed = packFile(await this.blobs.read(file.sha256), travelling);
    if (packed === null) throw notUploaded(wire);
    await this.blobs.keep(packed);
  }

  async #requireBlob(file: StoredFile): Promise<void> {
    const bytes = await this.blobs.size(file.sha256);
    if (bytes === file.bytes) return;
    throw notUploaded(file);
  }

  #allow(row: ModelRow): void {
    this.#servable.add(row.digest);
    for (const { sha256 } of formsOf(row.files)) this.#servable.add(sha256);
  }
}

const notUploaded = ({ name, sha256, bytes }: StoredFile) =>
  new NanofleetError(
    'BUNDLE_FILE_MISSING',
    `The file ${name} of the bundle is not uploaded (${sha256.slice(0, 12)}…, ${bytes} bytes).`,
    { facts: { file: name } },
  );
