// `run.mjs <package> args…`: the root scripts `nanofleet`, `nanofleet-agent` and `forge`. Compiles the package when
// it is stale, then becomes its program. Nothing of its own is printed unless the compiler complains.
import { join } from 'node:path';
import { compile, root } from './build.mjs';
import { runHere } from './run-here.mjs';

const [name, ...args] = process.argv.slice(2);
if (name === undefined) {
  console.error('usage: node scripts/run.mjs <package> [arguments]');
  process.exit(2);
}
// Backups and moves are done by the controller's own program.
const isLocalTask = name === 'cli' && ['backup', 'db'].includes(args[0]);
const code = compile(isLocalTask ? [name, 'controller'] : [name]);
if (code !== 0) process.exit(code);
await runHere(join(root, name, 'dist', 'main.js'), args);
