/**
 * What devices may fetch, by its name: blobs of registered bundles and agents, their signatures, lists of their chunks, deltas, and what
 * the publishers say of releases. Knows no
 * way to a device: HTTP and MQTT both serve from here. Reading checks nothing, for devices check every byte.
 */
import {
  BLOB_CACHE_BYTES,
  type Digest,
  digestSchema,
  NanofleetError,
  parseChunksName,
  parseDeltaName,
  parseMetadataName,
} from '@nanofleet/protocol';
import { Injectable } from '@nestjs/common';
import { AgentsService } from '../agents/agents.service.ts';
import { TrustService } from '../trust/trust.service.ts';
import { BlobStore, type ByteRange } from './blob-store.ts';
import { ChunkLists } from './chunk-lists.ts';
import { Deltas } from './deltas.ts';
import { ModelsService } from './models.service.ts';

const SIGNATURE_SUFFIX = '.sig';

/** Something that can be fetched: bytes in memory, those of a manifest with its signature, or a blob that is too large to be kept there. */
export type ServedBlob =
  | { readonly size: number; readonly bytes: Buffer; readonly signature?: Buffer }
  | { readonly size: number; readonly digest: Digest };

/** The blobs for devices. */
@Injectable()
export class ServedBlobs {
  constructor(
    private readonly models: ModelsService,
    private readonly agents: AgentsService,
    private readonly blobs: BlobStore,
    private readonly chunks: ChunkLists,
    private readonly deltas: Deltas,
    private readonly trust: TrustService,
  ) {}

  /** @throws NanofleetError NOT_FOUND */
  async find(name: string): Promise<ServedBlob> {
    const found = await this.#find(name);
    if (found !== null) return found;
    throw new NanofleetError('NOT_FOUND', `No registered bundle has the blob ${name.slice(0, 140)}.`);
  }

  /** Some bytes of what was found, fewer at its end. */
  async part(found: ServedBlob, { from, to }: ByteRange): Promise<Buffer> {
    if ('bytes' in found) return found.bytes.subarray(from, to + 1);
    if (from >= found.size) return Buffer.alloc(0);
    const pieces: Uint8Array[] = [];
    for await (const piece of this.blobs.stream(found.digest, { from, to })) pieces.push(piece as Uint8Array);
    return Buffer.concat(pieces);
  }

  async #find(name: string): Promise<ServedBlob | null> {
    const pair = parseDeltaName(name);
    if (pair !== null) return inMemory(await this.deltas.between(pair));
    const listed = parseChunksName(name);
    if (listed !== null) return this.#chunksOf(listed);
    if (parseMetadataName(name) !== null) return inMemory(await this.trust.find(name));
    const isSignature = name.endsWith(SIGNATURE_SUFFIX);
    const digest = digestSchema.safeParse(isSignature ? name.slice(0, -SIGNATURE_SUFFIX.length) : name);
    if (!digest.success || !(await this.#isServable(digest.data))) return null;
    return isSignature ? inMemory(await this.#signatureOf(digest.data)) : this.#stored(digest.data);
  }

  async #chunksOf(digest: Digest): Promise<ServedBlob | null> {
    const size = (await this.#isServable(digest)) ? await this.blobs.size(digest) : null;
    return size === null ? null : inMemory(await this.chunks.of(digest, size));
  }

  async #stored(digest: Digest): Promise<ServedBlob | null> {
    const size = await this.blobs.size(digest);
    if (size === null) return null;
    if (size > BLOB_CACHE_BYTES / 4) return { size, digest };
    const signature = this.agents.signatureOf(digest) ?? this.models.keptSignatureOf(digest);
    const bytes = await this.blobs.read(digest);
    return signature === null ? { size, bytes } : { size, bytes, signature };
  }

  async #isServable(digest: Digest): Promise<boolean> {
    if (this.agents.holds(digest)) return true;
    return (await this.models.isServable(digest)) || this.agents.find(digest);
  }

  async #signatureOf(digest: Digest): Promise<Buffer> {
    return this.agents.signatureOf(digest) ?? this.models.signatureOf(digest);
  }
}

const inMemory = (bytes: Buffer | null): ServedBlob | null =>
  bytes === null ? null : { size: bytes.length, bytes };
