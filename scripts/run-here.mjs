// Runs a compiled program inside this very process: same terminal, same signals, same exit code, and one process
// less to be left over after a `kill -9`. It never starts a process.
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './build.mjs';

/** Loads `file` as if node had been called with it and `args`. */
export async function runHere(file, args) {
  if (!existsSync(file)) {
    console.error(`${relative(root, file)} does not exist: its package has no such program.`);
    process.exitCode = 1;
    return;
  }
  process.setSourceMapsEnabled(true);
  process.argv = [process.execPath, file, ...args];
  await import(pathToFileURL(file).href);
}
