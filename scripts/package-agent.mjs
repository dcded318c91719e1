// `pnpm package:agent [--platform NAME] [--form xz|gzip] [--out DIR] [--node FILE] [--level N]`: makes what the controller
// hands to devices: for each platform the agent's bundle, ONNX Runtime pruned to it and a Node, in archives of the same
// bytes each time, with an index; `linux-any` has WebAssembly and no Node, for all other machines. A Node comes from npm's
// registry and is compared with the hash below; `--node` takes a file. Where this machine has no xz, it makes gzip alone.
import { execFileSync, spawnSync } from 'node:child_process';
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

/** What devices run: a line that its makers support, and the tests pass on it. */
const NODE = '22.23.3';
const PLATFORMS = {
  'linux-x64': {
    arch: 'x64',
    integrity:
      'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  },
  'linux-arm64': {
    arch: 'arm64',
    integrity:
      'sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==',
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

/** What unpacking takes of a device's memory, at any level; xz by itself would have 64 MiB at the highest. */
const XZ_WINDOW = '8MiB';
/** The check sum that every unpacker of xz knows, busybox's too; what counts is the SHA-256. */
const XZ_OPTIONS = ['--compress', '--stdout', '--threads=1', '--check=crc32'];

/** Archives of a tar, in the order in which a device prefers them. */
const FORMS = {
  xz: {
    suffix: 'tar.xz',
    pack: (tar, level) =>
      execFileSync('xz', [...XZ_OPTIONS, `--lzma2=preset=${level},dict=${XZ_WINDOW}`], {
        input: tar,
        maxBuffer: tar.length,
      }),
  },
  gzip: { suffix: 'tar.gz', pack: (tar, level) => gzipSync(tar, { level }) },
};

const hasXz = () => spawnSync('xz', ['--version'], { stdio: 'ignore' }).status === 0;

function packageOf(platform, { bundleFolder, given, level, forms }) {
  const files = [
    ...nodeFiles({ platform, given }),
    ...engineFiles(PLATFORMS[platform].arch),
    ...ownFiles(bundleFolder),
  ];
  const tar = tarOf(files);
  const unpackedKb = Math.ceil(files.reduce((sum, { bytes }) => sum + bytes.length, 0) / KB);
  return forms.map((form) => {
    const packed = FORMS[form].pack(tar, level);
    const digest = sha256(packed);
    const file = `nanofleet-agent-${platform}-${digest.slice(0, 16)}.${FORMS[form].suffix}`;
    return { packed, entry: { platform, form, file, sha256: digest, bytes: packed.length, unpackedKb } };
  });
}

/** The forms that were asked for and can be made here. */
function formsHere(asked) {
  if (!asked.includes('xz') || hasXz()) return asked;
  console.error('this machine has no xz (Debian: xz-utils): archives by gzip only, half as big again');
  return asked.filter((form) => form !== 'xz');
}

function refuseUnknown(what, given, known) {
  const unknown = given.find((name) => !(name in known));
  if (unknown === undefined) return;
  console.error(`there is no ${what} ${unknown}: ${Object.keys(known).join(', ')}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    platform: { type: 'string', multiple: true, default: Object.keys(PLATFORMS) },
    form: { type: 'string', multiple: true, default: Object.keys(FORMS) },
    out: { type: 'string', default: OUT },
    node: { type: 'string' },
    level: { type: 'string', default: '9' },
  },
});
refuseUnknown('platform', values.platform, PLATFORMS);
refuseUnknown('form', values.form, FORMS);
const forms = formsHere(values.form);
const bundle = await bundleAgent();
// Made beside and put in place at once: a controller may be serving the present ones.
const folder = `${values.out}.${process.pid}`;
mkdirSync(folder, { recursive: true });
const packages = values.platform.flatMap((platform) => {
  const made = packageOf(platform, {
    bundleFolder: dirname(bundle.file),
    given: values.node,
    level: Number(values.level),
    forms,
  });
  for (const { packed, entry } of made) {
    writeFileSync(join(folder, entry.file), packed);
    console.log(`${entry.file}  ${(entry.bytes / 1e6).toFixed(1)} MB  sha256 ${entry.sha256}`);
  }
  return made.map(({ entry }) => entry);
});
cpSync(join(root, 'agent', 'install', 'install.sh'), join(folder, 'install.sh'));
writeFileSync(join(folder, 'index.json'), `${JSON.stringify({ packages }, null, 2)}\n`);
rmSync(values.out, { recursive: true, force: true });
renameSync(folder, values.out);
