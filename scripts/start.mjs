// `pnpm start`: checks Node, compiles, bundles the agent, then becomes the program of the package start. Says each
// step in one line with its seconds, on stderr, so that stdout is the program's alone.
import { join } from 'node:path';
import { commandBeganMs, endWithAncestors } from './ancestors.mjs';
import { compileMeanwhile, root } from './build.mjs';
import { bundleAgent } from './bundle-agent.mjs';
import { runHere } from './run-here.mjs';

/** First release line that has everything the packages need (NestJS 12 asks for it). */
const NODE_FLOOR = [20, 19];

function nodeIsTooOld() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major < NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor < NODE_FLOOR[1]);
}

async function step(title, work) {
  const begun = performance.now();
  const result = await work();
  console.error(`${title}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return result;
}

async function main() {
  if (nodeIsTooOld()) {
    console.error(`nanofleet needs Node ${NODE_FLOOR.join('.')} or later; this is ${process.version}.`);
    process.exit(1);
  }
  endWithAncestors();
  process.env.NANOFLEET_BEGAN_MS = String(commandBeganMs());
  const args = process.argv.slice(2);
  // Only that story makes a model.
  const forge = args.includes('--bad-release') ? ['forge'] : [];
  // The agent needs no compiling: it is bundled from its sources, while the compiler runs.
  const [code] = await Promise.all([
    step('compile', () => compileMeanwhile(['start', 'controller', 'cli', ...forge])),
    step('bundle the agent', bundleAgent),
  ]);
  if (code !== 0) process.exit(code);
  await runHere(join(root, 'start', 'dist', 'main.js'), args);
}

await main();
