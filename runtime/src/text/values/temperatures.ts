/** Owns temperatures in English: "twenty one degrees", "70 °F", "minus five celsius". Pure. */
import type { EntityValue } from '@nanofleet/protocol';
import { readNumber } from './numbers.ts';
import type { Word } from './words.ts';

/** A temperature as an entity's value. */
export type Temperature = Extract<EntityValue, { kind: 'temperature' }>;

const UNITS: ReadonlyMap<string, NonNullable<Temperature['unit']>> = new Map(
  Object.entries<NonNullable<Temperature['unit']>>({
    c: 'celsius',
    celsius: 'celsius',
    centigrade: 'celsius',
    f: 'fahrenheit',
    fahrenheit: 'fahrenheit',
    k: 'kelvin',
    kelvin: 'kelvin',
  }),
);
const DEGREES = new Set(['°', 'degree', 'degrees']);

/** The temperature that a text is, or null; the unit is null when it is not told. */
export function temperatureOf(words: readonly Word[]): Temperature | null {
  const read = readNumber(words);
  if (read === null) return null;
  const at = DEGREES.has(words[read.next] ?? '') ? read.next + 1 : read.next;
  const unit = UNITS.get(words[at] ?? '') ?? null;
  const end = unit === null ? at : at + 1;
  return end === words.length ? { kind: 'temperature', degrees: read.value, unit } : null;
}
