// `pnpm release:agent [--out DIR] [--version X.Y.Z]`: makes a release of the agent to be signed and pushed: its programs and a
// manifest of what they need, without Node and engine, which stay as they were installed. Signs nothing.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AGENT_RELEASE_FORMAT, encodeAgentRelease } from '../protocol/dist/index.js';
import { sha256Of } from '../protocol/dist/node/index.js';
import { loadEngine } from '../runtime/dist/node/index.js';
import { root } from './build.mjs';
import { writeAgent } from './bundle-agent.mjs';

const PLATFORMS = ['linux-x64', 'linux-arm64', 'linux-arm'];
const LOADER = 1;
const versionFile = join(root, 'agent', 'src', 'agent-version.ts');
const [, ownVersion] = /AGENT_VERSION = '([^']+)'/.exec(readFileSync(versionFile, 'utf8'));

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'agent', 'dist', 'release') },
    version: { type: 'string', default: ownVersion },
    'from-agent': { type: 'string', default: '0.1.0' },
    platform: { type: 'string', multiple: true, default: PLATFORMS },
  },
});

const lowestNode = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace(
  /^>=/,
  '',
);

rmSync(values.out, { recursive: true, force: true });
mkdirSync(values.out, { recursive: true });
await writeAgent(values.out, values.version);
const files = readdirSync(values.out).map((name) => {
  const bytes = readFileSync(join(values.out, name));
  return { name, sha256: sha256Of(bytes), bytes: bytes.length };
});
const manifest = encodeAgentRelease({
  kind: 'agent',
  format: AGENT_RELEASE_FORMAT,
  version: values.version,
  platforms: values.platform,
  needs: {
    node: /^\d+\.\d+$/.test(lowestNode) ? `${lowestNode}.0` : lowestNode,
    engines: ['native', 'wasm']
      .map((kind) => loadEngine(kind))
      .map(({ name, version }) => ({ name, version })),
    agent: values['from-agent'],
    loader: LOADER,
  },
  files,
  license: 'Apache-2.0',
});
writeFileSync(join(values.out, 'manifest.json'), manifest);
const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
console.log(`agent ${values.version}, ${(bytes / 1e6).toFixed(2)} MB, is in ${values.out}`);
console.error(`Next: nanofleet agents sign ${values.out}`);
