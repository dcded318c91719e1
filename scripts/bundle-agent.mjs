// Makes the one file that a device gets beside onnxruntime-node: agent/dist/bundle/nanofleet-agent.mjs. Worker
// programs (`*-worker.ts`) become files beside it. Skipped when no input has changed since the last time.
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './build.mjs';

const outDir = join(root, 'agent', 'dist', 'bundle');
const outFile = join(outDir, 'nanofleet-agent.mjs');
const loader = join(root, 'agent', 'install', 'agent-loader.mjs');
const RECORD = 'inputs.json';
/** Native code and WebAssembly, which cannot be inside one file; loaded by `require`. */
const EXTERNAL = ['onnxruntime-common', 'onnxruntime-node', 'onnxruntime-web'];
/** Packages that mqtt.js imports for transports that the agent does not offer. */
const ABSENT = ['socks', 'worker-timers', 'ws'];

function stampOf(file) {
  const { mtimeMs, size } = statSync(file);
  return `${mtimeMs} ${size}`;
}

function isFresh() {
  try {
    const inputs = Object.entries(JSON.parse(readFileSync(join(outDir, RECORD), 'utf8')));
    return existsSync(outFile) && inputs.every(([file, stamp]) => stampOf(join(root, file)) === stamp);
  } catch {
    return false;
  }
}

function entries() {
  const source = join(root, 'agent', 'src');
  const workers = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('-worker.ts'))
    .map((file) => [basename(file, '.ts'), join(source, file)]);
  return Object.fromEntries([['nanofleet-agent', join(source, 'main.ts')], ...workers]);
}

function record(chunks, folder) {
  const files = chunks.flatMap((chunk) => chunk.moduleIds ?? []).filter((id) => existsSync(id));
  const own = [join(root, 'scripts', 'bundle-agent.mjs'), join(root, 'pnpm-lock.yaml'), loader];
  const stamps = [...new Set([...files, ...own])].map((file) => [relative(root, file), stampOf(file)]);
  writeFileSync(join(folder, RECORD), JSON.stringify(Object.fromEntries(stamps)));
}

/** One letter beyond Latin-1 would make V8 keep the whole source with two bytes for each: half a megabyte more. */
function toAscii(file) {
  const escaped = (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[^\0-\x7F]/g, escaped));
}

/** Bundles when stale. Returns the bundle's path, its bytes and whether it was fresh already. */
export async function bundleAgent() {
  if (isFresh()) return { file: outFile, bytes: statSync(outFile).size, fresh: true };
  // Made beside and put in place at once: another start may be reading the present one.
  const madeDir = `${outDir}.${process.pid}`;
  record(await writeAgent(madeDir), madeDir);
  cpSync(loader, join(madeDir, 'agent-loader.mjs'));
  rmSync(outDir, { recursive: true, force: true });
  renameSync(madeDir, outDir);
  return { file: outFile, bytes: statSync(outFile).size, fresh: false };
}

/** Lets the agent call itself by another version than the tree's. */
const named = (version) => ({
  name: 'version',
  transform: (code, id) =>
    version !== undefined && id.endsWith('agent-version.ts')
      ? code.replace(/(AGENT_VERSION = ')[^']*/, `$1${version}`)
      : undefined,
});

/** Writes the agent's programs into a folder; `version` is the tree's when left out. Returns the chunks. */
export async function writeAgent(folder, version) {
  const { rolldown } = await import('rolldown');
  const packages = ['protocol', 'runtime'];
  const alias = Object.fromEntries(
    packages.flatMap((name) => [
      ...['node', 'ports', 'mqtt', 'tls'].map((part) => [
        `@nanofleet/${name}/${part}`,
        join(root, name, 'src', part, 'index.ts'),
      ]),
      [`@nanofleet/${name}`, join(root, name, 'src', 'index.ts')],
    ]),
  );
  for (const name of ABSENT) alias[name] = join(root, 'scripts', 'absent.mjs');
  // Node's own streams instead of their copy for browsers: 160 kB less.
  alias['readable-stream'] = 'node:stream';
  const chunks = [];
  // One after the other: together they would share a third file, and the agent alone would not run.
  for (const [name, input] of Object.entries(entries())) {
    const bundle = await rolldown({
      input: { [name]: input },
      platform: 'node',
      external: EXTERNAL,
      plugins: [named(version)],
      resolve: { alias },
      treeshake: true,
      logLevel: 'silent',
    });
    const { output } = await bundle.write({
      dir: folder,
      format: 'esm',
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name]-[hash].mjs',
      // Half the bytes; load time and memory are the same.
      minify: true,
      sourcemap: false,
      cleanDir: false,
    });
    await bundle.close();
    for (const { fileName } of output) toAscii(join(folder, fileName));
    chunks.push(...output);
  }
  return chunks;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { bytes, fresh } = await bundleAgent();
  console.error(`agent bundle: ${(bytes / 1e6).toFixed(2)} MB${fresh ? ', unchanged' : ''}`);
}
