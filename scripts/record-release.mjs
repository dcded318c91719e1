// `node scripts/record-release.mjs`: records the agent of this tree for the tests of later controllers, below
// test/compat/fixtures/VERSION: its programs, compressed, and the bytes of what it sent and got. Once per release.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, root } from './build.mjs';
import { writeAgent } from './bundle-agent.mjs';
import { runHere } from './run-here.mjs';

const source = readFileSync(join(root, 'agent', 'src', 'agent-version.ts'), 'utf8');
const [, version] = /AGENT_VERSION = '([^']+)'/.exec(source);
const code = compile();
if (code !== 0) process.exit(code);
const folder = mkdtempSync(join(tmpdir(), 'nf-record-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
await writeAgent(folder, version);
cpSync(join(root, 'agent', 'install', 'agent-loader.mjs'), join(folder, 'agent-loader.mjs'));
await runHere(join(root, 'test', 'dist', 'compat', 'main.js'), [version, folder]);
