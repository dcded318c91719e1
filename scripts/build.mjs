// Brings compiled output up to date for the commands that need it. It owns how the compiler is called; it prints
// nothing of its own: the caller says what was done and how long it took.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The workspace's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Path of the file behind a package's command, so that neither a shell nor PATH is in between. */
export function commandFile(packageName, command) {
  const file = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
  const { bin } = JSON.parse(readFileSync(file, 'utf8'));
  return join(dirname(file), typeof bin === 'string' ? bin : bin[command]);
}

const compilerOptions = { cwd: root, stdio: ['ignore', process.stderr.fd, 'inherit'] };

// Types are checked by `pnpm check` and `pnpm build`; without it the emitted files are the same, in less than half the time.
function compilerArguments(packages) {
  return [commandFile('typescript', 'tsc'), '-b', '--noCheck', ...packages];
}

/**
 * Runs `tsc -b` for the packages (all when none is named) and what they refer to; 0.1 s when nothing changed.
 * The compiler's messages go to stderr, for stdout belongs to the program that runs next. Returns the exit code.
 */
export function compile(packages = []) {
  const { status } = spawnSync(process.execPath, compilerArguments(packages), compilerOptions);
  return status ?? 1;
}

/** As `compile`, without stopping this process meanwhile. */
export function compileMeanwhile(packages = []) {
  return new Promise((resolve) => {
    const compiler = spawn(process.execPath, compilerArguments(packages), compilerOptions);
    compiler.on('exit', (status) => resolve(status ?? 1));
    compiler.on('error', () => resolve(1));
  });
}
