/**
 * What was recorded of a release of the agent: its programs, compressed, and the bytes that it sent and got. Owns where that lies
 * and how it is written and read; never runs any of it.
 */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { z } from 'zod';
import type { Passed } from './taps.ts';

/** Root of the workspace, also when this file runs compiled. */
const ROOT = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../..' : '../../..', import.meta.url));
const FOLDER = join(ROOT, 'test', 'compat', 'fixtures');
const PACKED = '.br';

const messageSchema = z.object({
  direction: z.enum(['up', 'down']),
  topic: z.string(),
  /** Of JSON; of anything else `base64`. */
  text: z.string().optional(),
  base64: z.base64().optional(),
});

/** Versions that were recorded. */
export const recordedVersions = (): string[] => readdirSync(FOLDER).toSorted();

/** Bytes that passed, in their order. */
export const messagesOf = (version: string): Passed[] =>
  z
    .array(messageSchema)
    .parse(JSON.parse(readFileSync(join(FOLDER, version, 'messages.json'), 'utf8')))
    .map(({ base64 = '', direction, text, topic }) => ({
      ...{ direction, topic },
      payload: text === undefined ? Buffer.from(base64, 'base64') : Buffer.from(text, 'utf8'),
    }));

/** Puts the programs of a release to where they can be started; the packages beside them are this clone's. Returns the loader. */
export const installRecorded = (version: string, place: string): string => {
  mkdirSync(place, { recursive: true });
  const programs = join(FOLDER, version, 'programs');
  for (const name of readdirSync(programs))
    writeFileSync(
      join(place, name.slice(0, -PACKED.length)),
      brotliDecompressSync(readFileSync(join(programs, name))),
    );
  symlinkSync(join(ROOT, 'agent', 'node_modules'), join(place, 'node_modules'));
  return join(place, 'agent-loader.mjs');
};

/** Records the programs in a folder. */
export const recordPrograms = (version: string, from: string): void => {
  const programs = join(FOLDER, version, 'programs');
  mkdirSync(programs, { recursive: true });
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  for (const name of readdirSync(from).filter((file) => file.endsWith('.mjs')))
    writeFileSync(
      join(programs, `${name}${PACKED}`),
      brotliCompressSync(readFileSync(join(from, name)), { params }),
    );
};

/** Records what passed. */
export const recordMessages = (version: string, messages: readonly Passed[]): void => {
  const lines = messages.map(({ direction, payload, topic }) => {
    const text = payload.toString('utf8');
    const isText = Buffer.from(text, 'utf8').equals(payload);
    return JSON.stringify({
      ...{ direction, topic },
      ...(isText ? { text } : { base64: payload.toString('base64') }),
    });
  });
  writeFileSync(join(FOLDER, version, 'messages.json'), `[\n${lines.join(',\n')}\n]\n`);
};
