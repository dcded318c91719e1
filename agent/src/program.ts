/**
 * From a command line to an exit code: 0 done, 1 failed, 2 wrong usage. Owns which commands there are and how errors are
 * shown; never what a command does.
 */

import { ERRORS, NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { isDiskFull } from '@nanofleet/runtime/ports';
import { askCommand } from './commands/ask.ts';
import { type Command, helpOf, readArguments, type Terminal, UsageError } from './commands/command.ts';
import { doctorCommand } from './commands/doctor.ts';
import { enrolCommand } from './commands/enrol.ts';
import { examplesCommand } from './commands/examples.ts';
import { labelCommand } from './commands/label.ts';
import { outboundCommand } from './commands/outbound.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { wipeCommand } from './commands/wipe.ts';

const COMMANDS: readonly Command[] = [
  runCommand,
  enrolCommand,
  doctorCommand,
  statusCommand,
  askCommand,
  labelCommand,
  examplesCommand,
  outboundCommand,
  wipeCommand,
  uninstallCommand,
];

/** A terminal that can also be told about failures. */
export interface ProgramTerminal extends Terminal {
  /** A line on standard error. */
  failure(text: string): void;
}

const overview = (): string =>
  [
    'usage: nanofleet-agent COMMAND …',
    '',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`),
    '',
    'nanofleet-agent COMMAND --help says more.',
  ].join('\n');

const report = (error: NanofleetError, terminal: ProgramTerminal, isJson: boolean): number => {
  const { code, message, facts } = error;
  if (isJson) terminal.failure(JSON.stringify({ error: { code, message, facts } }));
  else terminal.failure(`${code}  ${ERRORS[code].title}.\n  ${message}`);
  return error instanceof UsageError ? 2 : 1;
};

const registered = (thrown: unknown): NanofleetError => {
  const cause = thrown instanceof NanofleetError && thrown.code === 'INTERNAL' ? thrown.cause : thrown;
  if (!isDiskFull(cause)) return toNanofleetError(thrown);
  const problem = 'the disk of the state directory is full. Free some space, or give another --dir.';
  return new NanofleetError('DISK_FULL', problem, { cause });
};

/** Runs one command line; never throws for an expected failure. */
export const runProgram = async (words: readonly string[], terminal: ProgramTerminal): Promise<number> => {
  const [name, ...rest] = words;
  const command = COMMANDS.find((known) => known.name === name);
  if (command === undefined) {
    const isAsked = name === undefined || name === '--help' || name === 'help';
    if (isAsked) terminal.line(overview());
    else terminal.failure(`There is no command ${JSON.stringify(name)}.\n\n${overview()}`);
    return name === '--help' || name === 'help' ? 0 : 2;
  }
  try {
    const given = readArguments(command, rest);
    if (given.flags['help'] !== true) return await command.run(given, terminal);
    terminal.line(helpOf(command));
    return 0;
  } catch (thrown) {
    return report(registered(thrown), terminal, rest.includes('--json'));
  }
};
