/**
 * What a command of `nanofleet-agent` is, and how its arguments are read. Owns help texts and usage errors; never the
 * effects of a command.
 */
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';

/** Where a command writes and what it was given. */
export interface Terminal {
  /** A line on standard output. */
  line(text: string): void;
  /** Text on standard output that may go on. */
  write(text: string): void;
  /** Standard input; asked for at most once, and never together with an end by its end. */
  input(): AsyncIterable<Uint8Array>;
  /** Resolves when the command is asked to end: a signal, or the end of standard input when that counts. */
  ended(options: { withStdin: boolean }): Promise<void>;
}

/** Values of flags by name. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** One command. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What follows the name, as help shows it. */
  readonly usage: string;
  readonly flags: Readonly<Record<string, FlagShape>>;
  /** Returns the exit code. */
  run(given: { flags: Flags; words: readonly string[] }, terminal: Terminal): Promise<number>;
}

/** One flag; with `value` it takes one, named so in the help. */
export interface FlagShape {
  readonly help: string;
  readonly value?: string;
}

/** A command line that cannot be understood. */
export class UsageError extends NanofleetError {
  constructor(message: string) {
    super('SETTING_INVALID', message);
  }
}

const COMMON: Readonly<Record<string, FlagShape>> = {
  json: { help: 'machine-readable output' },
  help: { help: 'this text' },
};

/** Reads the words after a command's name. @throws UsageError */
export const readArguments = (
  command: Command,
  words: readonly string[],
): { flags: Flags; words: string[] } => {
  const options: Record<string, { type: 'boolean' | 'string' }> = {};
  for (const [name, { value }] of Object.entries({ ...command.flags, ...COMMON })) {
    options[name] = { type: value === undefined ? 'boolean' : 'string' };
  }
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true });
    return { flags: values, words: positionals };
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new UsageError(`${why} Try: nanofleet-agent ${command.name} --help`);
  }
};

/** The value of a flag that must be given. @throws UsageError */
export const needed = (flags: Flags, name: string): string => {
  const value = flags[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new UsageError(`--${name} is needed`);
};

/** The value of a flag that may be given. */
export const optional = (flags: Flags, name: string): string | undefined => {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
};

/** A whole number that may be given. @throws UsageError */
export const optionalNumber = (
  flags: Flags,
  name: string,
  bounds: { min: number; max: number },
): number | undefined => {
  const text = optional(flags, name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= bounds.min && number <= bounds.max) return number;
  throw new UsageError(`--${name} ${text} is not a whole number from ${bounds.min} to ${bounds.max}`);
};

/** The help of one command. */
export const helpOf = (command: Command): string => {
  const flags = Object.entries({ ...command.flags, ...COMMON }).map(([name, { help, value }]) => {
    const left = `--${name}${value === undefined ? '' : ` ${value}`}`;
    return `  ${left.padEnd(24)} ${help}`;
  });
  return [`usage: nanofleet-agent ${command.name} ${command.usage}`, '', command.summary, '', ...flags].join(
    '\n',
  );
};
