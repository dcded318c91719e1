// `pnpm package:agent [--platform NAME] [--out DIR] [--node FILE] [--level N]`: makes what the controller hands to
// devices: for each platform the agent's bundle, ONNX Runtime pruned to it and a Node, in one tar.gz of the same bytes
// each time, with an index; `linux-any` has WebAssembly and no Node, for all other machines. A Node comes from npm's registry and is compared with the hash below; `--node` takes a file.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { root } from './build.mjs';
import { bundleAgent } from './bundle-agent.mjs';
import { tarOf, untar } from './tar.mjs';
import { withoutSymbols } from './without-symbols.mjs';

/** The version that the tests run on. */
const NODE = '20.20.2';
const PLATFORMS = {
  'linux-x64': {
    arch: 'x64',
    integrity:
      'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
  },
  'linux-arm64': {
    arch: 'arm64',
    integrity:
      'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
  },
  'linux-any': {},
};
const OUT = join(root, 'agent', 'dist', 'packages');
const CACHE = join(root, '.cache', 'packages');
const KB = 1024;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A tarball of the registry whose bytes have the pinned hash; asked for once. */
function tarball(name, integrity) {
  const file = join(CACHE, `${name}-${NODE}.tgz`);
  const isRight = (bytes) => `sha512-${createHash('sha512').update(bytes).digest('base64')}` === integrity;
  try {
    const kept = readFileSync(file);
    if (isRight(kept)) return kept;
  } catch {
    // Not fetched yet.
  }
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    execFileSync('npm', ['pack', '--silent', `${name}@${NODE}`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [packed = ''] = readdirSync(folder);
    const bytes = readFileSync(join(folder, packed));
    if (!isRight(bytes)) throw new TypeError(`${name}@${NODE} is not the pinned ${integrity}`);
    renameSync(join(folder, packed), file);
    return bytes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function nodeFiles({ platform, given }) {
  const { integrity } = PLATFORMS[platform];
  if (integrity === undefined) return [];
  if (given !== undefined) return [{ path: 'node', mode: 0o755, bytes: withoutSymbols(readFileSync(given)) }];
  const files = untar(gunzipSync(tarball(`node-${platform}`, integrity)));
  return [
    { path: 'node', mode: 0o755, bytes: withoutSymbols(files.get('package/bin/node')) },
    { path: 'LICENSE.node', mode: 0o644, bytes: files.get('package/LICENSE') },
  ];
}

/** Files below a folder that a test lets through, at a place in the package. */
const below = (folder, place, isWanted = () => true) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter(isWanted)
    .map((name) => ({ path: `${place}/${name}`, mode: 0o644, bytes: readFileSync(join(folder, name)) }));

/** The folder of a package that the agent depends on; not all let their package.json be resolved. */
function folderOf(name) {
  const entry = createRequire(join(root, 'agent', 'package.json')).resolve(name);
  return entry.slice(0, entry.lastIndexOf(name) + name.length);
}

/** Of onnxruntime-web what its entry for Node loads: 14 of 139 MB. */
const WEB = ['package.json', 'ort.node.min.js', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'];

function engineFiles(arch) {
  const place = (name) => `agent/node_modules/${name}`;
  const isCode = (name) => name === 'package.json' || /^dist\/(cjs\/)?[\w./-]+\.(js|json)$/.test(name);
  const isNative = (name) => isCode(name) || name.startsWith(`bin/napi-v6/linux/${arch}/`);
  const isWeb = (name) => WEB.includes(name.replace(/^dist\//, ''));
  const [name, isWanted] = arch === undefined ? ['onnxruntime-web', isWeb] : ['onnxruntime-node', isNative];
  return [
    ...below(folderOf(name), place(name), isWanted),
    ...below(folderOf('onnxruntime-common'), place('onnxruntime-common'), isCode),
  ];
}

function ownFiles(bundleFolder) {
  const install = join(root, 'agent', 'install');
  const script = (path, name) => ({ path, mode: 0o755, bytes: readFileSync(join(install, name)) });
  return [
    ...below(bundleFolder, 'agent', (name) => name.endsWith('.mjs')),
    script('bin/nanofleet-agent', 'nanofleet-agent.sh'),
    script('uninstall.sh', 'uninstall.sh'),
    {
      path: 'nanofleet-agent.service',
      mode: 0o644,
      bytes: readFileSync(join(install, 'nanofleet-agent.service')),
    },
    { path: 'LICENSE', mode: 0o644, bytes: readFileSync(join(root, 'LICENSE')) },
  ];
}

function packageOf(platform, { bundleFolder, given, level }) {
  const files = [
    ...nodeFiles({ platform, given }),
    ...engineFiles(PLATFORMS[platform].arch),
    ...ownFiles(bundleFolder),
  ];
  const packed = gzipSync(tarOf(files), { level });
  const digest = sha256(packed);
  const unpackedKb = Math.ceil(files.reduce((sum, { bytes }) => sum + bytes.length, 0) / KB);
  const file = `nanofleet-agent-${platform}-${digest.slice(0, 16)}.tar.gz`;
  return { packed, entry: { platform, file, sha256: digest, bytes: packed.length, unpackedKb } };
}

const { values } = parseArgs({
  options: {
    platform: { type: 'string', multiple: true, default: Object.keys(PLATFORMS) },
    out: { type: 'string', default: OUT },
    node: { type: 'string' },
    level: { type: 'string', default: '9' },
  },
});
const unknown = values.platform.find((name) => !(name in PLATFORMS));
if (unknown !== undefined) {
  console.error(`there is no platform ${unknown}: ${Object.keys(PLATFORMS).join(', ')}`);
  process.exit(2);
}
const bundle = await bundleAgent();
// Made beside and put in place at once: a controller may be serving the present ones.
const made = `${values.out}.${process.pid}`;
mkdirSync(made, { recursive: true });
const packages = values.platform.map((platform) => {
  const { packed, entry } = packageOf(platform, {
    bundleFolder: dirname(bundle.file),
    given: values.node,
    level: Number(values.level),
  });
  writeFileSync(join(made, entry.file), packed);
  console.log(`${entry.file}  ${(entry.bytes / 1e6).toFixed(1)} MB  sha256 ${entry.sha256}`);
  return entry;
});
cpSync(join(root, 'agent', 'install', 'install.sh'), join(made, 'install.sh'));
writeFileSync(join(made, 'index.json'), `${JSON.stringify({ packages }, null, 2)}\n`);
rmSync(values.out, { recursive: true, force: true });
renameSync(made, values.out);
