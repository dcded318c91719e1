// Reads the workspace for the rules: every TypeScript file that is ours, parsed once. It leaves out what is made
// (dist, bundles) and what is fetched (node_modules).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PACKAGES } from './packages.ts';
import { parseSource, type SourceFile } from './source-file.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LEFT_OUT = new Set(['node_modules', 'dist', 'bundles', 'fixtures', 'runs', '.cache', '.nanofleet']);

function filesBelow(folder: string): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true }).flatMap((entry) => {
    if (LEFT_OUT.has(entry.name)) return [];
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** Text of a file of the workspace; the path is relative to the root. */
export function readText(path: string): string {
  return readFileSync(ROOT + path, 'utf8');
}

/** Paths of all files below the packages' folders, made and fetched ones left out. */
export function packageFiles(): string[] {
  return PACKAGES.flatMap((name) => filesBelow(name)).sort();
}

/** Names of the folders and files directly in the root, made and fetched ones left out. */
export function rootEntries(): { readonly name: string; readonly isFolder: boolean }[] {
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => !LEFT_OUT.has(entry.name) && entry.name !== '.git')
    .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
}

/** Every TypeScript file of the packages, parsed. */
export function readSources(): SourceFile[] {
  return packageFiles()
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
    .map((path) => parseSource(path, readText(path)));
}

/** Whether the workspace holds this path. */
export function exists(path: string): boolean {
  return existsSync(ROOT + path);
}

/** Paths of the documents that we write: in the root, below docs and beside the code. */
export function documentPaths(): string[] {
  const below = ['docs', ...PACKAGES].flatMap((folder) => filesBelow(folder));
  return [...rootEntries().map(({ name }) => name), ...below].filter((path) => path.endsWith('.md')).sort();
}
