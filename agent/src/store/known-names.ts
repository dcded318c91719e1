/**
 * The names that this device knows areas and other devices by, as its engineer wrote them into a file: what entities of a
 * text are looked up in. Read once at start; never sent anywhere.
 */
import { KNOWN_NAMES_MAX, NanofleetError } from '@nanofleet/protocol';
import type { Registry } from '@nanofleet/runtime';
import type { Disk } from '@nanofleet/runtime/ports';
import { z } from 'zod';

const namesSchema = z.array(z.string().trim().min(1).max(128)).min(1).max(16);

const fileSchema = z.object({
  /** Each the name that answers carry, then further ones. */
  areas: z.array(namesSchema).max(KNOWN_NAMES_MAX).default([]),
  devices: z.array(namesSchema).max(KNOWN_NAMES_MAX).default([]),
});

/** The registry of a device that was told no names. */
export const NO_NAMES: Registry = { areas: [], devices: [] };

/**
 * Reads {"areas": [["living room", "lounge"], …], "devices": [["night light"], …]}.
 * @throws NanofleetError SETTING_INVALID naming the file and the first field that is wrong
 */
export function readKnownNames(disk: Disk, path: string): Registry {
  const bytes = disk.read(path);
  if (bytes === null) throw invalid(path, 'there is no such file');
  const parsed = fileSchema.safeParse(json(bytes, path));
  if (parsed.success) {
    const named = (lists: readonly string[][]) => lists.map((names) => ({ names }));
    return { areas: named(parsed.data.areas), devices: named(parsed.data.devices) };
  }
  const [issue] = parsed.error.issues;
  throw invalid(path, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not names'}`, parsed.error);
}

function json(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(path, 'not JSON in UTF-8', cause);
  }
}

const invalid = (path: string, problem: string, cause?: unknown): NanofleetError =>
  new NanofleetError(
    'SETTING_INVALID',
    `${path}: ${problem}; expected {"areas": [["living room", "lounge"]], "devices": [["night light"]]}`,
    { facts: { file: path }, ...(cause === undefined ? {} : { cause }) },
  );
