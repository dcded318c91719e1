/**
 * Tasks beside a controller: backups and moves of its state, which its own program does, because only that knows directory
 * and database. Owns how they are handed on; never opens either.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NanofleetError } from '@nanofleet/protocol';
import type { World } from './world.ts';

/** Of the same checkout or image; the command imports nothing of it. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CONTROLLER = join(ROOT, 'controller', 'dist', 'main.js');

/** What the help says of them. */
export const LOCAL_TASKS: readonly { readonly usage: string; readonly summary: string }[] = [
  { usage: 'backup create|verify|restore|key FILE', summary: "A controller's state, on its own machine" },
  {
    usage: 'db move --to postgres|embedded',
    summary: 'Its rows and blobs into the other database, likewise',
  },
];

/** Whether a command line is one of them. */
export const isLocalTask = (argv: readonly string[]): boolean => argv[0] === 'backup' || argv[0] === 'db';

/** Runs one; answers the exit code of the controller's program. @throws NanofleetError SETTING_INVALID */
export const runLocalTask = async (world: World, argv: readonly string[]): Promise<number> => {
  const code = await world.run(CONTROLLER, argv.length === 1 ? [...argv, '--help'] : argv);
  if (code !== null) return code;
  throw new NanofleetError(
    'SETTING_INVALID',
    `${CONTROLLER} is not there: run this where the controller is installed (from a clone: npx -y pnpm@12 build).`,
  );
};
