/**
 * `nanofleet-agent uninstall`: takes away everything that the install script made. Starts the script that came with the
 * package, because it outlives the program and its Node; removes nothing itself.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NanofleetError } from '@nanofleet/protocol';
import type { Command } from './command.ts';

/** Beside the folder of the agent's one file, in an installed package only. */
const SCRIPT = fileURLToPath(new URL('../uninstall.sh', import.meta.url));

/** The command. */
export const uninstallCommand: Command = {
  name: 'uninstall',
  summary: 'Takes away everything that the install script made: service, user, state, records, packages.',
  usage: '',
  flags: {},
  run() {
    if (!existsSync(SCRIPT))
      throw new NanofleetError(
        'SETTING_INVALID',
        `this agent was not installed by the script: there is no ${SCRIPT}. Remove its folder and its state directory.`,
      );
    return Promise.resolve(spawnSync('sh', [SCRIPT], { stdio: 'inherit' }).status ?? 1);
  },
};
