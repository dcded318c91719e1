/**
 * From a command line to an exit code: finds the command, runs it, reports what failed. Exit codes: 0 done, 1 failed,
 * 2 wrong usage. Never knows what a single command does.
 */
import { ERRORS, type NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { Client } from './client.ts';
import { type Command, type Context, findCommand, readArguments, UsageError } from './command.ts';
import { COMMANDS } from './commands/all.ts';
import { isLocalTask, LOCAL_TASKS, runLocalTask } from './local-task.ts';
import { nextStepFor } from './next-step.ts';
import { Profile, profileDirectoryOf } from './profile.ts';
import { Terminal } from './terminal.ts';
import type { World } from './world.ts';

/** Runs one command line; never throws for an expected failure. */
export async function runProgram(world: World, argv: readonly string[]): Promise<number> {
  const terminal = new Terminal(world, { json: argv.includes('--json') });
  if (isLocalTask(argv)) {
    return runLocalTask(world, argv).catch((thrown: unknown) =>
      report(terminal, toNanofleetError(thrown), argv),
    );
  }
  const found = findCommand(COMMANDS, argv);
  if (found === undefined) return withoutCommand(terminal, argv);
  try {
    const { args, flags } = readArguments(found.command, found.rest);
    if (flags.isOn('help')) return help(terminal, [found.command]);
    const profile = new Profile(profileDirectoryOf(world, flags.text('profile')));
    const connect = async () => new Client(world, await profile.readLogin());
    const context: Context = { args, flags, profile, terminal, world, connect };
    return await found.command.run(context);
  } catch (thrown) {
    return report(terminal, toNanofleetError(thrown), argv);
  }
}

function withoutCommand(terminal: Terminal, argv: readonly string[]): number {
  const wanted = argv.filter((word) => !word.startsWith('-'));
  if (wanted.length === 0) {
    help(terminal, [...COMMANDS, ...LOCAL_TASKS]);
    return argv.includes('--help') ? 0 : 2;
  }
  const near = COMMANDS.filter(({ words }) => words[0] === wanted[0]);
  help(terminal, near.length > 0 ? near : [...COMMANDS, ...LOCAL_TASKS], (text) => terminal.failure(text));
  terminal.failure(`\nThere is no command ${JSON.stringify(wanted.slice(0, 2).join(' '))}.`);
  return 2;
}

function help(
  terminal: Terminal,
  commands: readonly Pick<Command, 'usage' | 'summary'>[],
  say: (text: string) => void = (text) => terminal.line(text),
): number {
  const width = Math.max(...commands.map(({ usage }) => usage.length));
  say('usage:');
  for (const { usage, summary } of commands) say(`  nanofleet ${usage.padEnd(width)}  ${summary}`);
  say('\nEvery command takes --profile DIR (default ~/.config/nanofleet), --json and --help.');
  return 0;
}

function report(terminal: Terminal, error: NanofleetError, argv: readonly string[]): number {
  const isUsage = error instanceof UsageError;
  const next = isUsage ? undefined : nextStepFor(error.code);
  if (terminal.json) terminal.failure(JSON.stringify({ error: jsonOf(error, next) }));
  else {
    const words = argv.filter((word) => !word.startsWith('-')).slice(0, 2);
    terminal.failure(`${terminal.paintNote(error.code, 'red', 'bold')}  ${ERRORS[error.code].title}.`);
    terminal.failure(`  tried  nanofleet ${words.join(' ')}`);
    terminal.failure(`  found  ${error.message}`);
    if (next !== undefined) terminal.failure(`  next   ${next}`);
  }
  return isUsage ? 2 : 1;
}

const jsonOf = (error: NanofleetError, next: string | undefined) => ({
  code: error.code,
  message: error.message,
  facts: error.facts,
  ...(next === undefined ? {} : { next }),
});
