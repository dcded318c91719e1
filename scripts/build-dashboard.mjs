// Builds the dashboard into dashboard/dist/site, unless nothing that goes into it has changed since the last time. The
// new site takes the place of the old one at once: a controller may be serving it.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './build.mjs';

const site = join(root, 'dashboard', 'dist', 'site');
const record = join(root, 'dashboard', 'dist', 'site-inputs.json');

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function inputs() {
  const files = [
    ...filesBelow(join(root, 'dashboard', 'src')),
    ...filesBelow(join(root, 'dashboard', 'public')),
    ...filesBelow(join(root, 'protocol', 'src')),
    join(root, 'dashboard', 'index.html'),
    join(root, 'dashboard', 'vite.config.ts'),
    join(root, 'pnpm-lock.yaml'),
  ];
  const stamps = files.sort().map((file) => {
    const { mtimeMs, size } = statSync(file);
    return [relative(root, file), `${mtimeMs} ${size}`];
  });
  return JSON.stringify(Object.fromEntries(stamps));
}

function isFresh(now) {
  return existsSync(join(site, 'index.html')) && existsSync(record) && readFileSync(record, 'utf8') === now;
}

/** Puts a built site in place; when another build did so at the same moment, that one is as good. */
function replaceBy(made) {
  try {
    rmSync(site, { recursive: true, force: true });
    renameSync(made, site);
  } catch (thrown) {
    rmSync(made, { recursive: true, force: true });
    if (!existsSync(join(site, 'index.html'))) throw thrown;
  }
}

/** Builds when stale. Returns whether it was fresh already. */
export async function buildDashboard() {
  const now = inputs();
  if (isFresh(now)) return { fresh: true };
  const { build } = await import('vite');
  const made = `${site}.${process.pid}`;
  await build({
    configFile: join(root, 'dashboard', 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: made },
  });
  mkdirSync(join(root, 'dashboard', 'dist'), { recursive: true });
  replaceBy(made);
  writeFileSync(record, now);
  return { fresh: false };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const begun = performance.now();
  const { fresh } = await buildDashboard();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.error(`dashboard: ${fresh ? 'unchanged' : `built in ${seconds} s`}`);
}
