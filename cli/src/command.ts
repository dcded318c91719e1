/**
 * What a command of `nanofleet` is: its words, its usage, its options, and what it does. Owns reading of arguments;
 * never prints and never calls a controller.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import type { Client } from './client.ts';
import type { Profile } from './profile.ts';
import type { Terminal } from './terminal.ts';
import type { World } from './world.ts';

/** The command line was wrong: exit code 2. */
export class UsageError extends NanofleetError {
  constructor(message: string) {
    super('SETTING_INVALID', message);
  }
}

/** The options that were given. */
class Flags {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  isOn(name: string): boolean {
    return this.#values[name] === true;
  }
}

/** What a command gets to work with. */
export interface Context {
  readonly args: readonly string[];
  readonly flags: Flags;
  readonly profile: Profile;
  readonly terminal: Terminal;
  readonly world: World;
  /** The controller that the profile is logged in to. */
  readonly connect: () => Promise<Client>;
}

/** One command. `run` answers the exit code; throwing is exit code 1, a UsageError 2. */
export interface Command {
  readonly words: readonly string[];
  /** What follows `nanofleet`. */
  readonly usage: string;
  readonly summary: string;
  /** Least and greatest number of arguments. */
  readonly arguments: readonly [number, number];
  readonly options?: Readonly<Record<string, { type: 'string' | 'boolean' }>>;
  run(context: Context): Promise<number>;
}

/** Options of every command. */
const COMMON = { profile: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } } as const;

/** The command whose words begin the line, and what is left of the line; undefined when there is none. */
export function findCommand(
  commands: readonly Command[],
  argv: readonly string[],
): { command: Command; rest: string[] } | undefined {
  const command = commands.find(({ words }) => words.every((word, at) => argv[at] === word));
  return command && { command, rest: argv.slice(command.words.length) };
}

/**
 * Reads the rest of a command line.
 * @throws UsageError for an unknown option or a wrong number of arguments.
 */
export function readArguments(command: Command, rest: readonly string[]): { args: string[]; flags: Flags } {
  const config: ParseArgsConfig = {
    args: [...rest],
    options: { ...COMMON, ...command.options },
    allowPositionals: true,
    strict: true,
  };
  const { values, positionals } = parsed(config, command);
  const [least, most] = command.arguments;
  const isHelp = values['help'] === true;
  if (!isHelp && (positionals.length < least || positionals.length > most)) {
    throw new UsageError(`${positionals.length} arguments were given. Usage: nanofleet ${command.usage}`);
  }
  return { args: positionals, flags: new Flags(values) };
}

function parsed(config: ParseArgsConfig, command: Command): ReturnType<typeof parseArgs> {
  try {
    return parseArgs(config);
  } catch (thrown) {
    const why = thrown instanceof Error ? (thrown.message.split('. ')[0] ?? '') : String(thrown);
    throw new UsageError(`${why}. Usage: nanofleet ${command.usage}`);
  }
}
