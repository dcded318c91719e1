/**
 * Reads a backup to its very end and hands each part to a taker, after it has checked what can be checked so far. Only when
 * it returns is all of it known to be whole: takers must be able to undo. Never writes anything itself.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { BACKUP_PART_BYTES_MAX, digestSchema, NanofleetError } from '@nanofleet/protocol';
import type { z } from 'zod';
import {
  ABOUT,
  type About,
  aboutSchema,
  type BackupSummary,
  MANIFEST,
  type Manifest,
  manifestSchema,
} from './backup-format.ts';
import { damaged, type Opener, unseal } from './sealing.ts';
import { type Portion, Tallies, type Tally } from './table-rows.ts';
import { type Member, readTar } from './tar.ts';

/** Takes the parts in the order of the file. */
export interface BackupTaker {
  about(about: About): Promise<void>;
  rows(portion: Portion): Promise<void>;
  /** `name` is below a state directory, with slashes. */
  state(name: string, bytes: Buffer): Promise<void>;
  blob(digest: string, content: AsyncIterable<Buffer>): Promise<void>;
}

/** What a backup that was read holds. */
export interface ReadBackup {
  readonly about: About;
  readonly tables: Readonly<Record<string, Tally>>;
  readonly summary: BackupSummary;
}

const NOTHING: BackupTaker = {
  about: () => Promise.resolve(),
  rows: () => Promise.resolve(),
  state: () => Promise.resolve(),
  blob: async (_digest, content) => {
    for await (const part of content) void part;
  },
};

/**
 * Reads a backup; without a taker it is only verified.
 * @throws NanofleetError BACKUP_INVALID, BACKUP_LOCKED, KEY_FILE_INVALID when there is no such file
 */
export const readBackup = async (
  file: string,
  { opener, taker = NOTHING }: { opener: Opener; taker?: BackupTaker },
): Promise<ReadBackup> => {
  const { size } = await stat(file).catch((cause: unknown) => {
    throw new NanofleetError('BACKUP_INVALID', `${file} cannot be read.`, { cause, facts: { path: file } });
  });
  const reading = new Reading(taker);
  for await (const member of readTar(unseal(createReadStream(file), opener))) await reading.take(member);
  return reading.finish(size);
};

/** One reading. */
class Reading {
  readonly #taker: BackupTaker;
  readonly #tallies = new Tallies();
  readonly #seen: Manifest['members'] = {};
  readonly #models = new Set<string>();
  #about: About | null = null;
  #manifest: Manifest | null = null;

  constructor(taker: BackupTaker) {
    this.#taker = taker;
  }

  async take(member: Member): Promise<void> {
    if (this.#manifest !== null) throw damaged(`${member.name} stands behind the end`);
    if (member.name === MANIFEST) {
      this.#manifest = parsed(manifestSchema, await whole(member));
      return;
    }
    if (this.#seen[member.name] !== undefined) throw damaged(`${member.name} is there twice`);
    const hash = createHash('sha256');
    await this.#hand({ ...member, content: hashed(member.content, hash) });
    this.#seen[member.name] = { bytes: member.bytes, sha256: digestSchema.parse(hash.digest('hex')) };
  }

  async #hand(member: Member): Promise<void> {
    if (this.#about === null) return this.#begin(member);
    const [folder, ...rest] = member.name.split('/');
    const name = rest.join('/');
    if (folder === 'tables') return this.#rows(rest[0] ?? '', await whole(member));
    if (folder === 'state' && isPlain(name)) return this.#taker.state(name, await whole(member));
    if (folder === 'blobs' && digestSchema.safeParse(name).success) {
      return this.#taker.blob(name, member.content);
    }
    throw damaged(`${member.name} is no part of a backup`);
  }

  async #begin(member: Member): Promise<void> {
    if (member.name !== ABOUT) throw damaged(`it begins with ${member.name}`);
    this.#about = parsed(aboutSchema, await whole(member));
    await this.#taker.about(this.#about);
  }

  async #rows(table: string, bytes: Buffer): Promise<void> {
    const portion = { table, lines: bytes.toString('utf8') };
    this.#tallies.add(portion);
    if (table === 'models') for (const digest of digestsOf(portion)) this.#models.add(digest);
    await this.#taker.rows(portion);
  }

  finish(bytes: number): ReadBackup {
    const manifest = this.#manifest;
    if (manifest === null || this.#about === null) throw damaged('it has no end');
    this.#requireMembers(manifest);
    const counted = this.#tallies.shown();
    for (const [table, { digest, rows }] of Object.entries(manifest.tables)) {
      const found = counted[table] ?? { rows: 0, digest: ''.padStart(64, '0') };
      if (found.rows !== rows || found.digest !== digest) throw damaged(`the table ${table} is not whole`);
    }
    const { createdAt, fleet, id } = this.#about;
    const names = Object.keys(this.#seen);
    const count = (folder: string) => names.filter((name) => name.startsWith(`${folder}/`)).length;
    const rows = Object.values(manifest.tables).reduce((sum, table) => sum + table.rows, 0);
    const devices = manifest.tables['devices']?.rows ?? 0;
    const summary = { id, createdAt, fleet, rows, devices, blobs: count('blobs'), bytes };
    return { about: this.#about, tables: manifest.tables, summary };
  }

  #requireMembers(manifest: Manifest): void {
    const stated = Object.entries(manifest.members);
    if (stated.length !== Object.keys(this.#seen).length) throw damaged('members are missing');
    for (const [name, { bytes, sha256 }] of stated) {
      const seen = this.#seen[name];
      if (seen?.sha256 !== sha256 || seen.bytes !== bytes) throw damaged(`${name} is not what was stored`);
      if (name.startsWith('blobs/') && name !== `blobs/${sha256}`) throw damaged(`${name} has other bytes`);
    }
    for (const digest of this.#models) {
      if (this.#seen[`blobs/${digest}`] === undefined)
        throw damaged(`the manifest of bundle ${digest} is missing`);
    }
  }
}

/** Whether a name stays below the directory that it is joined to. */
const isPlain = (name: string): boolean =>
  name !== '' && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

const digestsOf = ({ lines }: Portion): string[] =>
  [...lines.matchAll(/^\{"digest":"([0-9a-f]{64})"/gm)].map(([, digest]) => digest ?? '');

async function* hashed(
  content: AsyncIterable<Buffer>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Buffer> {
  for await (const part of content) {
    hash.update(part);
    yield part;
  }
}

const whole = async ({ bytes, content, name }: Member): Promise<Buffer> => {
  if (bytes > BACKUP_PART_BYTES_MAX) throw damaged(`${name} is too large`);
  const parts: Buffer[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
};

const parsed = <S extends z.ZodType>(schema: S, bytes: Buffer): z.output<S> => {
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw damaged('what it says about itself cannot be read', cause);
  }
};
