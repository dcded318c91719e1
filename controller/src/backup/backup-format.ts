/**
 * What is in a backup: a sealed tar of `about.json`, `tables/NAME/NUMBER.jsonl`, `state/FILE`, `blobs/DIGEST` and, as its
 * last member, `manifest.json` with size and SHA-256 of every other one. Owns these forms; docs/operating/backup.md tells
 * them to people.
 */
import { digestSchema } from '@nanofleet/protocol';
import { z } from 'zod';

/** The only format so far. */
export const FORMAT = 1;
/** First member. */
export const ABOUT = 'about.json';
/** Last member. */
export const MANIFEST = 'manifest.json';

/** What stands first: enough to refuse the rest. */
export const aboutSchema = z.object({
  format: z.literal(FORMAT),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** Milliseconds since 1970 when the database was looked at. */
  createdAt: z.int().min(0),
  fleet: z.string(),
  controllerKeyId: z.string(),
  /** Hashes of the migrations that the tables have seen. */
  migrations: z.array(z.string()),
});

const memberSchema = z.object({ bytes: z.int().min(0), sha256: digestSchema });
const tallySchema = z.object({ rows: z.int().min(0), digest: z.string().length(64) });

/** What stands last: everything before it. */
export const manifestSchema = z.object({
  members: z.record(z.string(), memberSchema),
  tables: z.record(z.string(), tallySchema),
});

export type About = z.infer<typeof aboutSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** What a backup is said to hold. */
export interface BackupSummary {
  readonly id: string;
  readonly createdAt: number;
  readonly fleet: string;
  readonly rows: number;
  readonly devices: number;
  readonly blobs: number;
  readonly bytes: number;
}
