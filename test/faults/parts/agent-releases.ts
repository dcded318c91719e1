/**
 * Installed agents and releases of the agent for tests: the programs of this clone under any version, whole or
 * broken. Owns the folders that it makes.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  AGENT_ENTRY_FILE,
  type AgentReleaseDraft,
  encodeAgentRelease,
  MANIFEST_FILE,
  parseAgentRelease,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const run = promisify(execFile);

/** Makes the programs of this clone a release of some version, not signed. */
export const makeRelease = async (directory: string, version: string): Promise<string> => {
  const script = join(ROOT, 'scripts', 'release-agent.mjs');
  await run(process.execPath, [script, '--out', directory, '--version', version]);
  return directory;
};

/** An installed agent: the programs of a release, the loader, and the packages beside them. Returns the loader's path. */
export const installFrom = (release: string, place: string): string => {
  mkdirSync(place, { recursive: true });
  for (const name of readdirSync(release).filter((file) => file.endsWith('.mjs')))
    cpSync(join(release, name), join(place, name));
  cpSync(join(ROOT, 'agent', 'install', 'agent-loader.mjs'), join(place, 'agent-loader.mjs'));
  symlinkSync(join(ROOT, 'agent', 'node_modules'), join(place, 'node_modules'));
  return join(place, 'agent-loader.mjs');
};

/** A release out of another one: what its manifest says changed, and its program, if a text is given. */
export const changeRelease = (
  from: string,
  to: string,
  { manifest, entry }: { manifest: Partial<AgentReleaseDraft>; entry?: string },
): string => {
  cpSync(from, to, { recursive: true });
  const path = join(to, AGENT_ENTRY_FILE);
  if (entry !== undefined) writeFileSync(path, entry);
  const stated = parseAgentRelease(readFileSync(join(from, MANIFEST_FILE)));
  const files = stated.files.map(({ name }) => {
    const bytes = readFileSync(join(to, name));
    return { name, sha256: sha256Of(bytes), bytes: bytes.length };
  });
  writeFileSync(join(to, MANIFEST_FILE), encodeAgentRelease({ ...stated, files, ...manifest }));
  return to;
};
