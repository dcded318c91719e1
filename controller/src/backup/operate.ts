/**
 * Carries out `nanofleet backup` and `nanofleet db`: who has the lock, whom to ask, what to say. Never parses arguments
 * and never ends the process.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { NanofleetError } from '@nanofleet/protocol';
import { type Clock, type Random, randomHex } from '@nanofleet/runtime/ports';
import { openDatabase, type Wanted } from '../db/open-database.ts';
import { lockDirectory } from '../state/directory-lock.ts';
import type { BackupSummary } from './backup-format.ts';
import { createBackup } from './create-backup.ts';
import { moveDatabase } from './move-database.ts';
import { OPERATE_HELP, type OperateCommand, type Task } from './operate-command.ts';
import { askForBackup } from './operate-socket.ts';
import { readBackup } from './read-backup.ts';
import { restoreBackup } from './restore-backup.ts';
import { makeSeal } from './sealing.ts';

const UNIQUE_BYTES = 6;

/** Time and chance. */
export interface OperatePorts {
  readonly clock: Clock;
  readonly random: Random;
}

/** What was done, in words and as facts. */
export interface Outcome {
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Does what was asked for. @throws NanofleetError */
export const operate = async (
  { task, wanted }: Pick<OperateCommand, 'task' | 'wanted'>,
  ports: OperatePorts,
): Promise<Outcome> => {
  switch (task.kind) {
    case 'help':
      return { text: OPERATE_HELP, facts: { help: OPERATE_HELP } };
    case 'key':
      return makeKey(task.file);
    case 'create':
      return told('made', task.file, await create(task, wanted, ports));
    case 'verify':
      return told('whole', task.file, (await readBackup(task.file, { opener: task.opener })).summary);
    case 'restore':
      return restore(task, wanted, ports);
    case 'move':
      return move(task.to, wanted, ports);
  }
};

const told = (how: string, file: string, summary: BackupSummary): Outcome => ({
  text:
    `${file} is ${how}: fleet ${summary.fleet}, ${new Date(summary.createdAt).toISOString()}, ` +
    `${summary.devices} devices, ${summary.rows} rows, ${summary.blobs} blobs.\n`,
  facts: { file, ...summary },
});

const create = async (
  task: Extract<Task, { kind: 'create' }>,
  wanted: Wanted,
  ports: OperatePorts,
): Promise<BackupSummary> => {
  const { file, given, locks } = task;
  const seal = await makeSeal(locks, ports.random);
  // PostgreSQL lets everybody look; the embedded database is its controller's.
  if (wanted.databaseUrl === null) {
    const made = await askForBackup(wanted.directory, { file, seal });
    if (made !== null) return made;
  }
  const release = wanted.databaseUrl === null ? await locked(wanted.directory) : () => undefined;
  try {
    const open = await openDatabase(wanted, randomHex(ports.random, UNIQUE_BYTES));
    const { database, kind } = open;
    const source = { database, kind, directory: wanted.directory, given };
    try {
      return await createBackup(source, { file, seal, ...ports });
    } finally {
      await open.close();
    }
  } finally {
    release();
  }
};

const restore = async (
  { file, opener, replaces, revoked }: Extract<Task, { kind: 'restore' }>,
  wanted: Wanted,
  ports: OperatePorts,
): Promise<Outcome> => {
  const release = await locked(wanted.directory);
  try {
    const summary = await restoreBackup({ file, opener, wanted, replaces, revoked, ...ports });
    const outcome = told('restored', file, summary);
    const next =
      'Fleet tokens and sessions of browsers are gone; make new ones. Operator tokens that were withdrawn since are ' +
      'back: nanofleet tokens ls. Start the controller; devices that enrolled since may come back for a while.\n';
    return { text: `${outcome.text}${next}`, facts: { ...outcome.facts, revoked } };
  } finally {
    release();
  }
};

const move = async (
  to: 'embedded' | 'postgres',
  wanted: Wanted,
  { random }: OperatePorts,
): Promise<Outcome> => {
  const release = await locked(wanted.directory);
  const embedded = { ...wanted, databaseUrl: null };
  try {
    const moved = await moveDatabase(
      to === 'postgres' ? { from: embedded, to: wanted, random } : { from: wanted, to: embedded, random },
    );
    const text = `${moved.rows} rows of ${moved.tables} tables and ${moved.blobs} blobs are there, compared and the same.\n`;
    return { text, facts: { ...moved } };
  } finally {
    release();
  }
};

const locked = async (directory: string): Promise<() => void> => {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(directory);
  return () => lock.release();
};

const makeKey = async (file: string): Promise<Outcome> => {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
  await writeFile(file, pem, { mode: 0o600, flag: 'wx' }).catch((cause: unknown) => {
    throw new NanofleetError('BACKUP_EXISTS', `${file} cannot be made; choose another name.`, { cause });
  });
  await writeFile(`${file}.pub`, publicKey.export({ format: 'pem', type: 'spki' }));
  return {
    text: `Keep ${file} away from the controller: it opens backups. Give the controller ${file}.pub: --recipient.\n`,
    facts: { privateKeyFile: file, publicKeyFile: `${file}.pub` },
  };
};
