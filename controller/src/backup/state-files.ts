/**
 * Which files of a state directory belong to a backup: keys, certificates and whatever else a controller keeps there, by
 * exclusion, so that a file which a later release adds is not forgotten. Never reads what is in them.
 */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BACKUP_STATE_BYTES_MAX, NanofleetError } from '@nanofleet/protocol';

/** Socket of the controller that runs here. */
export const SOCKET_FILE = 'operate.sock';
/** Where a restore gathers. */
export const GATHERING = 'restoring';
/** A whole restore that waits to take the place of what is there. */
export const GATHERED = 'restored';
/** A restore whose place has been made free. */
export const ARRIVING = 'arriving';
/** Begins the names of folders with what a restore has replaced. */
export const REPLACED = 'replaced-';

const ELSEWHERE = new Set(['db', 'blobs']);
/** Not state: what belongs to one process or can be made again. */
const PASSING = new Set(['lock', 'cache', 'site', 'backups', SOCKET_FILE, GATHERING, GATHERED, ARRIVING]);

/** Whether a name in a state directory is not state. */
export const isPassing = (name: string): boolean =>
  PASSING.has(name) || name.startsWith('lock.') || name.startsWith(REPLACED) || name.endsWith('.part');

/** Files that stand elsewhere, by the name that they have in a state directory. */
export type GivenFiles = Readonly<Record<string, string>>;

/** One file of the state. */
export interface StateFile {
  /** Below the state directory, with slashes. */
  readonly name: string;
  readonly path: string;
}

/**
 * The files of a directory; a given one takes the place of its namesake.
 * @throws NanofleetError STATE_CORRUPT for one that is too large to be state of ours
 */
export const stateFilesIn = async (directory: string, given: GivenFiles): Promise<StateFile[]> => {
  const own = await filesBelow(directory, '');
  const elsewhere = Object.entries(given).map(([name, path]) => ({ name, path }));
  return [...own.filter(({ name }) => given[name] === undefined), ...elsewhere];
};

const filesBelow = async (directory: string, prefix: string): Promise<StateFile[]> => {
  if (!existsSync(directory)) return [];
  const found: StateFile[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const isTop = prefix === '';
    if (isTop && (isPassing(entry.name) || ELSEWHERE.has(entry.name))) continue;
    if (entry.isDirectory()) found.push(...(await filesBelow(path, `${prefix}${entry.name}/`)));
    else if (entry.isFile()) found.push(await bounded({ name: `${prefix}${entry.name}`, path }));
  }
  return found;
};

const bounded = async (file: StateFile): Promise<StateFile> => {
  const { size } = await stat(file.path);
  if (size <= BACKUP_STATE_BYTES_MAX) return file;
  throw new NanofleetError(
    'STATE_CORRUPT',
    `${file.path} has ${size} bytes and is no file of a controller's state; move it away.`,
    { facts: { path: file.path } },
  );
};
