/**
 * The bytes that a bundle costs a device, by what it runs: manifest, signature, and each file as it is, as a delta, or in the
 * form in which it travels, with the hashes of its chunks. As devices fetch them; never fetches anything itself.
 */
import {
  BLOB_CHUNK_BYTES,
  type BundleFile,
  CHUNK_HASH_BYTES,
  type Digest,
  NanofleetError,
  wireOf,
} from '@nanofleet/protocol';
import { Injectable } from '@nestjs/common';
import { BlobStore } from '../models/blob-store.ts';
import { Deltas } from '../models/deltas.ts';
import { type ModelRow, ModelsRepository } from '../models/models.repository.ts';

/** Bytes for those that have something to go on from, and for those that have nothing. */
export interface BundleCost {
  readonly bytes: number;
  readonly whole: number;
}

/** What bundles cost. */
@Injectable()
export class BundleCostService {
  constructor(
    private readonly models: ModelsRepository,
    private readonly deltas: Deltas,
    private readonly blobs: BlobStore,
  ) {}

  /** By what devices run; @throws NanofleetError MODEL_UNKNOWN */
  async of(digest: Digest, bases: ReadonlySet<Digest | null>): Promise<Map<Digest | null, BundleCost>> {
    const target = await this.models.one(digest);
    if (target === undefined)
      throw new NanofleetError('MODEL_UNKNOWN', `The registry holds no bundle ${digest}.`);
    const manifest = ((await this.blobs.size(digest)) ?? 0) + Buffer.byteLength(target.signature);
    const whole = manifest + target.files.reduce((sum, file) => sum + wholeBytes(file), 0);
    const costs = new Map<Digest | null, BundleCost>();
    for (const base of bases) {
      const from = base === null ? undefined : await this.models.one(base);
      const bytes = from === undefined ? whole : manifest + (await this.#files(target, from));
      costs.set(base, { bytes: base === digest ? 0 : bytes, whole });
    }
    return costs;
  }

  async #files(target: ModelRow, from: ModelRow): Promise<number> {
    let bytes = 0;
    for (const file of target.files) {
      const base = from.files.find(({ role }) => role === file.role);
      if (base?.sha256 === file.sha256) continue;
      const delta =
        base === undefined ? null : await this.deltas.between({ base: base.sha256, target: file.sha256 });
      bytes += delta?.length ?? wholeBytes(file);
    }
    return bytes;
  }
}

/** Of a file as it travels; one of several chunks comes with their hashes. */
const wholeBytes = (file: BundleFile): number => {
  const { bytes } = wireOf(file) ?? file;
  const chunks = Math.ceil(bytes / BLOB_CHUNK_BYTES);
  return bytes + (chunks > 1 ? chunks * CHUNK_HASH_BYTES : 0);
};
