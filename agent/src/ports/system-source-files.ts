/** The real SourceFiles: node:fs, read only. */
import { type BigIntStats, closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SourceFile, SourceFiles } from './source-files.ts';

const NAMES_MAX = 1_000;

const identityIn = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

const identityOf = (path: string): string | null => {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? null : identityIn(stat);
};

const open = (path: string): SourceFile | null => {
  if (identityOf(path) === null) return null;
  const descriptor = openSync(path, 'r');
  return {
    identity: identityIn(fstatSync(descriptor, { bigint: true })),
    size: () => fstatSync(descriptor).size,
    read(position, length) {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, position));
    },
    close: () => closeSync(descriptor),
  };
};

/** Files of the operating system. */
export const systemSourceFiles: SourceFiles = {
  open,
  identityOf,
  findBeside: (path, identity) => {
    const directory = dirname(path);
    const names = readdirSync(directory).slice(0, NAMES_MAX);
    return names.map((name) => join(directory, name)).find((found) => identityOf(found) === identity) ?? null;
  },
};
