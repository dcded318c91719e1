// Owns the command `forge`: choosing the sub-command, help, exit codes, and how errors are shown.
// It never does a sub-command's work.
import { NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { vibrationCommand } from '../vibration/command.ts';
import { calibrateCommand } from './calibrate.ts';
import type { Command, CommandWorld } from './command.ts';
import { degradeCommand } from './degrade.ts';
import { evalCommand } from './eval.ts';
import { importCommand } from './import.ts';
import { inspectCommand } from './inspect.ts';
import { reportCommand } from './report.ts';
import { robustnessCommand } from './robustness.ts';
import { runCommand } from './run.ts';

const COMMANDS: readonly Command[] = [
  runCommand,
  calibrateCommand,
  evalCommand,
  robustnessCommand,
  degradeCommand,
  importCommand,
  inspectCommand,
  reportCommand,
  vibrationCommand,
];

/** Runs `forge` with its arguments; resolves to the exit code: 0 done, 1 failed, 2 called wrongly. */
export async function forge(args: readonly string[], world: CommandWorld): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === 'help') {
    world.out(overview());
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command && rest.includes('--help')) {
    world.out(command.help);
    return 0;
  }
  try {
    if (!command)
      throw new NanofleetError('SETTING_INVALID', `forge has no command ${name}. Try forge --help.`);
    await command.run(rest, world);
    return 0;
  } catch (thrown) {
    return failed(toNanofleetError(thrown), { json: rest.includes('--json'), world });
  }
}

function failed(
  error: NanofleetError,
  { json, world }: { readonly json: boolean; readonly world: CommandWorld },
): number {
  const { code, message, facts } = error;
  world.note(json ? JSON.stringify({ error: { code, message, ...facts } }) : `${code}: ${message}`);
  return code === 'SETTING_INVALID' ? 2 : 1;
}

function overview(): string {
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return ['forge makes model bundles.', '', ...lines, '', 'forge COMMAND --help tells more.'].join('\n');
}
