/**
 * Where programs and bundles of the clone lie, and directories for tests to write to. Owns paths only. Programs are the
 * compiled ones, as users run them: `pnpm test` compiles before.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd } from '../../endings.ts';

/** Root of the workspace, also when this file runs compiled. */
const ROOT = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../..' : '../../../..', import.meta.url),
);

/** Programs and bundles. */
export const CLONE = {
  agent: join(ROOT, 'agent', 'dist', 'main.js'),
  controller: join(ROOT, 'controller', 'dist', 'main.js'),
  start: join(ROOT, 'start', 'dist', 'main.js'),
  bundle: (name: string): string => join(ROOT, 'bundles', name),
  corpus: (part: string): string => join(ROOT, 'corpus', `${part}.jsonl`),
} as const;

/** A new directory, short enough for sockets, that goes when the tests of the file are done. */
export const scratchDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'nf-'));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
};
