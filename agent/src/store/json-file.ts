/**
 * Small JSON files of the state directory: read through a schema, replaced atomically. A file that cannot be read is
 * an error that names it, never a silent fresh start.
 */

import { firstIssue, NanofleetError } from '@nanofleet/protocol';
import type { Disk } from '@nanofleet/runtime/ports';
import type { z } from 'zod';
import { writeAtomically } from './atomic-file.ts';

const corrupt = (path: string, why: string, cause?: unknown): NanofleetError =>
  new NanofleetError(
    'STATE_CORRUPT',
    `${path} cannot be read: ${why}. Restore it, or move the directory away and enrol again.`,
    { cause, facts: { path } },
  );

/**
 * The checked content of a JSON file; null when there is none.
 * @throws NanofleetError STATE_CORRUPT when it does not parse.
 */
export const readJsonFile = <S extends z.ZodType>(
  disk: Disk,
  path: string,
  schema: S,
): z.output<S> | null => {
  const bytes = disk.read(path);
  if (bytes === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw corrupt(path, 'it is not JSON', cause);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw corrupt(path, firstIssue(parsed.error), parsed.error);
  return parsed.data;
};

/** Replaces a JSON file. Throws the disk's error. */
export const writeJsonFile = (disk: Disk, path: string, value: unknown): void =>
  writeAtomically(disk, path, `${JSON.stringify(value, undefined, 1)}\n`);
