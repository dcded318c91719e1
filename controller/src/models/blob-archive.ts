/**
 * Blobs in PostgreSQL, where every controller of a fleet finds what another one was given. The disk of each is a cache of
 * it. Keeps pieces, so that a large blob never is in memory as a whole. Never checks a digest: whoever writes to the disk
 * does.
 */
import type { Digest } from '@nanofleet/protocol';
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { type Database, rowsOf } from '../db/database.ts';
import { blobPieces } from './blobs.tables.ts';

const PIECE_BYTES = 1_048_576;
/** Names in one question. */
const NAMES_MAX = 1_000;

/** The archive. */
export class BlobArchive {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Keeps a blob, all pieces or none; one that is there stays. */
  async put(digest: Digest, content: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      let position = 0;
      for await (const bytes of piecesOf(content)) {
        await transaction.insert(blobPieces).values({ digest, position, bytes }).onConflictDoNothing();
        position += 1;
      }
    });
  }

  /** The pieces of a blob in their order; none when it is not kept. */
  async *read(digest: Digest): AsyncGenerator<Uint8Array> {
    for (let position = 0; ; position += 1) {
      const [piece] = await this.#database
        .select({ bytes: blobPieces.bytes })
        .from(blobPieces)
        .where(and(eq(blobPieces.digest, digest), eq(blobPieces.position, position)));
      if (piece === undefined) return;
      yield piece.bytes;
    }
  }

  /** All that are kept, with their bytes. */
  async all(): Promise<{ digest: Digest; bytes: number }[]> {
    const rows = await rowsOf<{ digest: Digest; bytes: number | string }>(
      this.#database,
      sql`select digest, sum(octet_length(bytes)) as bytes from ${blobPieces} group by digest order by digest`,
    );
    return rows.map(({ bytes, digest }) => ({ digest, bytes: Number(bytes) }));
  }

  /** Whether a blob is kept. */
  async has(digest: Digest): Promise<boolean> {
    return (await this.missing([digest])).length === 0;
  }

  /** Those of some blobs that are not kept. */
  async missing(digests: readonly Digest[]): Promise<Digest[]> {
    const missing: Digest[] = [];
    for (let from = 0; from < digests.length; from += NAMES_MAX) {
      const names = digests.slice(from, from + NAMES_MAX);
      const rows = await this.#database
        .select({ digest: blobPieces.digest })
        .from(blobPieces)
        .where(and(inArray(blobPieces.digest, names), eq(blobPieces.position, 0)))
        .orderBy(asc(blobPieces.digest));
      const kept = new Set(rows.map(({ digest }) => digest));
      missing.push(...names.filter((name) => !kept.has(name)));
    }
    return missing;
  }
}

/** Content in pieces of one size, the last one shorter; an empty blob is one empty piece. */
async function* piecesOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  let isEmpty = true;
  for await (const chunk of content) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= PIECE_BYTES) {
      isEmpty = false;
      yield rest.subarray(0, PIECE_BYTES);
      rest = rest.subarray(PIECE_BYTES);
    }
  }
  if (rest.length > 0 || isEmpty) yield rest;
}
