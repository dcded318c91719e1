/**
 * Makes a backup while its controller serves: rows at one moment, then keys, then blobs, which never change. Writes into a
 * file of another name, which gets its own when it is whole and on the disk. Never decides who can open it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { digestSchema, NanofleetError } from '@nanofleet/protocol';
import { type Clock, type Random, randomHex } from '@nanofleet/runtime/ports';
import { sql } from 'drizzle-orm';
import { type Database, type Queries, rowsOf } from '../db/database.ts';
import { BlobArchive } from '../models/blob-archive.ts';
import { ABOUT, type About, type BackupSummary, FORMAT, MANIFEST, type Manifest } from './backup-format.ts';
import { handOver } from './hand-over.ts';
import { damaged, type Seal, seal } from './sealing.ts';
import { type GivenFiles, stateFilesIn } from './state-files.ts';
import { syncOne } from './sync.ts';
import { type Portion, readRows, Tallies } from './table-rows.ts';
import { type NewMember, writeTar } from './tar.ts';

const ID_BYTES = 8;

/** What is backed up. */
export interface BackupSource {
  readonly database: Database;
  readonly kind: 'embedded' | 'postgres';
  /** State directory. */
  readonly directory: string;
  readonly given: GivenFiles;
}

/** Where to, and with what. */
export interface BackupTarget {
  /** Must not exist. */
  readonly file: string;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Makes a backup.
 * @throws NanofleetError BACKUP_EXISTS, and what reading meets; then there is no file of that name
 */
export const createBackup = async (source: BackupSource, target: BackupTarget): Promise<BackupSummary> => {
  const { file, random } = target;
  await removeLeftovers(file);
  const part = `${file}.${randomHex(random, ID_BYTES)}.part`;
  try {
    const summary = await writeSealed(part, { source, target });
    await rename(part, file);
    return summary;
  } finally {
    await rm(part, { force: true });
    await syncOne(dirname(file));
  }
};

const exists = (file: string) =>
  new NanofleetError('BACKUP_EXISTS', `${file} exists already; choose another name, or move it away.`, {
    facts: { path: file },
  });

/** What killed runs left of this very name. */
const removeLeftovers = async (file: string): Promise<void> => {
  const isLeft = (name: string) => name.startsWith(`${basename(file)}.`) && name.endsWith('.part');
  const names = await readdir(dirname(file));
  if (names.includes(basename(file))) throw exists(file);
  for (const name of names.filter(isLeft)) await rm(join(dirname(file), name), { force: true });
};

const writeSealed = async (
  part: string,
  { source, target }: { source: BackupSource; target: BackupTarget },
): Promise<BackupSummary> => {
  const output = await open(part, 'wx', 0o600);
  try {
    const content = new BackupContent(source, target);
    for await (const bytes of seal(target.seal, writeTar(content.members()))) await output.writeFile(bytes);
    await output.sync();
    const { size } = await output.stat();
    return content.summary(size);
  } finally {
    await output.close();
  }
};

/** The members of one backup as they are made. */
class BackupContent {
  readonly #source: BackupSource;
  readonly #target: BackupTarget;
  readonly #tallies = new Tallies();
  readonly #members: Manifest['members'] = {};
  #about: About | null = null;
  #blobs = 0;

  constructor(source: BackupSource, target: BackupTarget) {
    this.#source = source;
    this.#target = target;
  }

  async *members(): AsyncGenerator<NewMember> {
    const { directory, given } = this.#source;
    yield* this.#rows();
    for (const { name, path } of await stateFilesIn(directory, given)) {
      yield this.#whole(`state/${name}`, await readFile(path));
    }
    yield* this.#blobMembers();
    const manifest: Manifest = { members: this.#members, tables: this.#tallies.shown() };
    yield this.#whole(MANIFEST, Buffer.from(JSON.stringify(manifest)));
  }

  summary(bytes: number): BackupSummary {
    const tables = this.#tallies.shown();
    if (this.#about === null) throw damaged('it was not finished');
    const { createdAt, fleet, id } = this.#about;
    const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0);
    return { id, createdAt, fleet, rows, devices: tables['devices']?.rows ?? 0, blobs: this.#blobs, bytes };
  }

  /** Everything at one moment, and first of all what it is. */
  async *#rows(): AsyncGenerator<NewMember> {
    const { database } = this.#source;
    const moment = handOver<About | Portion>((give) =>
      database.transaction(
        async (transaction) => {
          await give(await this.#look(transaction));
          for await (const portion of readRows(transaction)) await give(portion);
        },
        { isolationLevel: 'repeatable read', accessMode: 'read only' },
      ),
    );
    const parts = new Map<string, number>();
    for await (const item of moment) {
      if (!('table' in item)) yield this.#whole(ABOUT, Buffer.from(JSON.stringify(item)));
      else yield* this.#portion(item, parts);
    }
  }

  *#portion(portion: Portion, parts: Map<string, number>): Generator<NewMember> {
    this.#tallies.add(portion);
    if (portion.lines === '') return;
    const number = parts.get(portion.table) ?? 0;
    parts.set(portion.table, number + 1);
    const name = `tables/${portion.table}/${String(number).padStart(6, '0')}.jsonl`;
    yield this.#whole(name, Buffer.from(portion.lines));
  }

  async #look(transaction: Queries): Promise<About> {
    const { clock, random } = this.#target;
    const createdAt = clock.unixMs();
    const migrations = await rowsOf<{ hash: string }>(
      transaction,
      sql`select hash from migrations order by hash`,
    );
    const fixtures = await rowsOf<{ name: string; value: string }>(
      transaction,
      sql`select name, value from fixtures`,
    );
    const fixed = new Map(fixtures.map(({ name, value }) => [name, value]));
    this.#about = {
      format: FORMAT,
      id: randomHex(random, ID_BYTES),
      createdAt,
      fleet: fixed.get('fleet') ?? '',
      controllerKeyId: fixed.get('controller-key') ?? '',
      migrations: migrations.map(({ hash }) => hash),
    };
    return this.#about;
  }

  async *#blobMembers(): AsyncGenerator<NewMember> {
    const { directory, database, kind } = this.#source;
    const stored =
      kind === 'postgres' ? archived(new BlobArchive(database)) : blobsIn(join(directory, 'blobs'));
    for await (const blob of stored) {
      this.#blobs += 1;
      yield this.#counted({ ...blob, name: `blobs/${blob.name}` });
    }
  }

  #whole(name: string, bytes: Buffer): NewMember {
    return this.#counted({ name, bytes: bytes.length, content: once(bytes) });
  }

  /** Notes size and digest of what passes; a blob that is not what its name says ends the backup. */
  #counted(member: NewMember): NewMember {
    const members = this.#members;
    const content = async function* (): AsyncGenerator<Uint8Array> {
      const hash = createHash('sha256');
      for await (const chunk of member.content) {
        hash.update(chunk);
        yield chunk;
      }
      const sha256 = digestSchema.parse(hash.digest('hex'));
      const [folder, name] = member.name.split('/');
      if (folder === 'blobs' && name !== sha256) throw rotten(name ?? '');
      if (member.name !== MANIFEST) members[member.name] = { bytes: member.bytes, sha256 };
    };
    return { ...member, content: content() };
  }
}

const rotten = (digest: string) =>
  new NanofleetError(
    'DIGEST_MISMATCH',
    `The blob ${digest} has changed on the disk; push its bundle again, or remove the file, before a backup.`,
  );

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function* blobsIn(directory: string): AsyncGenerator<NewMember> {
  // Where no controller has served yet there are none.
  const names = existsSync(directory) ? await readdir(directory) : [];
  for (const name of names.sort()) {
    if (!digestSchema.safeParse(name).success) continue;
    const path = join(directory, name);
    yield { name, bytes: (await stat(path)).size, content: createReadStream(path) };
  }
}

async function* archived(archive: BlobArchive): AsyncGenerator<NewMember> {
  for (const { bytes, digest } of await archive.all()) {
    yield { name: digest, bytes, content: archive.read(digest) };
  }
}
