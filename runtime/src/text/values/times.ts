/** Owns times of the day in English: "half past seven", "7:30 pm", "ten to six", "noon", "19h". Pure. */
import { readNumber } from './numbers.ts';
import type { Word } from './words.ts';

/** A time of the day; `halfDay`: morning or evening was not told, and `minuteOfDay` is before noon. */
export interface TimeOfDay {
  readonly minuteOfDay: number;
  readonly halfDay: boolean;
}

const NAMED: ReadonlyMap<string, number> = new Map(Object.entries({ noon: 720, midday: 720, midnight: 0 }));
const LEADING = new Set(['at', 'by', 'around', 'about', 'until', 'till', 'before', 'after', 'for']);
const MORNING = new Set(['am', 'morning']);
const LATER = new Set(['pm', 'afternoon', 'evening', 'night', 'tonight']);

/** The time of the day that a text tells, or null. */
export function timeOf(all: readonly Word[]): TimeOfDay | null {
  const words = LEADING.has(all[0] ?? '') ? all.slice(1) : all;
  const named = NAMED.get(words[0] ?? '');
  if (named !== undefined && words.length === 1) return { minuteOfDay: named, halfDay: false };
  const read = readPast(words) ?? readClock(words);
  if (read === null) return null;
  return placed(read, words.slice(read.next));
}

interface ReadTime {
  readonly hour: number;
  readonly minute: number;
  readonly next: number;
}

const isMinute = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 60;
const isHour = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 24;

/** "half past seven", "quarter to six", "ten past nine", "five minutes to eight". */
function readPast(words: readonly Word[]): ReadTime | null {
  const amount = readNumber(words);
  if (amount === null) return null;
  const minute = amount.value > 0 && amount.value < 1 ? amount.value * 60 : amount.value;
  const at = /^minutes?$/.test(words[amount.next] ?? '') ? amount.next + 1 : amount.next;
  const word = words[at];
  const sign =
    word === 'past' || word === 'after' ? 1 : word === 'to' || word === 'before' || word === 'til' ? -1 : 0;
  const hour = sign === 0 ? null : hourAt(words, at + 1);
  if (hour === null || !isMinute(minute)) return null;
  const told = (hour.hour * 60 + sign * minute + 1440) % 1440;
  return { hour: Math.floor(told / 60), minute: told % 60, next: hour.next };
}

function hourAt(words: readonly Word[], at: number): { hour: number; next: number } | null {
  const named = NAMED.get(words[at] ?? '');
  if (named !== undefined) return { hour: named / 60, next: at + 1 };
  const read = readNumber(words, at);
  return read !== null && isHour(read.value) ? { hour: read.value, next: read.next } : null;
}

/** "7:30", "seven thirty", "seven oh five", "seven", "19h". */
function readClock(words: readonly Word[]): ReadTime | null {
  const clock = /^(\d{1,2})[:.]([0-5]\d)$/.exec(words[0] ?? '');
  if (clock && isHour(Number(clock[1]))) return { hour: Number(clock[1]), minute: Number(clock[2]), next: 1 };
  const hour = hourAt(words, 0);
  if (hour === null) return null;
  const { next } = hour;
  if (words[next] === 'o' || words[next] === 'h' || words[next] === 'hours')
    return { hour: hour.hour, minute: 0, next: words[next + 1] === 'clock' ? next + 2 : next + 1 };
  if (words[next] === 'oclock') return { hour: hour.hour, minute: 0, next: next + 1 };
  const minute = readMinutes(words, next);
  return minute === null ? { hour: hour.hour, minute: 0, next } : { hour: hour.hour, ...minute };
}

function readMinutes(words: readonly Word[], at: number): { minute: number; next: number } | null {
  const zero = words[at] === 'oh' || words[at] === 'zero';
  const read = readNumber(words, zero ? at + 1 : at);
  return read !== null && isMinute(read.value) ? { minute: read.value, next: read.next } : null;
}

/** Puts a time into its half of the day by the words after it; any other word refuses it. */
function placed({ hour, minute }: ReadTime, rest: readonly Word[]): TimeOfDay | null {
  const words = joined(rest).filter(
    (word) => word !== 'in' && word !== 'the' && word !== 'at' && word !== 'o',
  );
  const [word] = words;
  if (words.length > 1) return null;
  const minuteOfDay = hour * 60 + minute;
  if (word === undefined) return { minuteOfDay, halfDay: hour >= 1 && hour <= 12 };
  if (MORNING.has(word)) return { minuteOfDay: (hour % 12) * 60 + minute, halfDay: false };
  if (!LATER.has(word)) return null;
  // Twelve at night is midnight; eleven at night is not before noon.
  if (word === 'night' && hour === 12) return { minuteOfDay: minute, halfDay: false };
  return { minuteOfDay: hour < 12 ? minuteOfDay + 720 : minuteOfDay, halfDay: false };
}

/** "a m" and "p m" as one word. */
function joined(words: readonly Word[]): Word[] {
  return words.flatMap((word, at) => {
    if (word === 'm' && /^[ap]$/.test(words[at - 1] ?? '')) return [`${words[at - 1]}m`];
    return /^[ap]$/.test(word) && words[at + 1] === 'm' ? [] : [word];
  });
}
