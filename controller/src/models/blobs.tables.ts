/** Table of blobs that all controllers of a fleet share; with the embedded database there is one, and its disk is enough. */
import type { Digest } from '@nanofleet/protocol';
import { customType, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
});

/** Blobs in pieces of a bounded size. */
export const blobPieces = pgTable(
  'blob_pieces',
  {
    digest: text().$type<Digest>().notNull(),
    position: integer().notNull(),
    bytes: bytea().notNull(),
  },
  (table) => [primaryKey({ columns: [table.digest, table.position] })],
);
