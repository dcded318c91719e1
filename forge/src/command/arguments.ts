// Owns reading the arguments of a command, with errors that name the argument. It never runs anything.
import { NanofleetError } from '@nanofleet/protocol';

/** What `parse`, a call of node:util's parseArgs, gives. @throws NanofleetError SETTING_INVALID for what it refuses */
export function readArguments<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new NanofleetError(
      'SETTING_INVALID',
      `${cause instanceof Error ? cause.message : String(cause)} Try --help.`,
      { cause },
    );
  }
}

/** A string that must be given. */
export function required(value: string | undefined, name: string): string {
  if (value === undefined || value === '')
    throw new NanofleetError('SETTING_INVALID', `${name} is missing. Try --help.`, { facts: { name } });
  return value;
}

/** A whole number from 0, or the default. */
export function wholeNumber(value: string | undefined, name: string, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new NanofleetError(
    'SETTING_INVALID',
    `${name} must be a whole number from 0 to 999999999, not ${value}`,
    { facts: { name } },
  );
}
