/** Owns spans of time in English: "an hour and a half", "90 minutes", "two hours thirty", "half an hour". Pure. */
import { readNumber } from './numbers.ts';
import type { Word } from './words.ts';

const SECONDS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    s: 1,
    sec: 1,
    secs: 1,
    second: 1,
    seconds: 1,
    m: 60,
    min: 60,
    mins: 60,
    minute: 60,
    minutes: 60,
    h: 3600,
    hr: 3600,
    hrs: 3600,
    hour: 3600,
    hours: 3600,
    day: 86_400,
    days: 86_400,
    week: 604_800,
    weeks: 604_800,
  }),
);

/** Seconds of a text that is a span of time and nothing else, or null. */
export function durationOf(words: readonly Word[]): number | null {
  let seconds = 0;
  let at = 0;
  let unit = 0;
  while (at < words.length) {
    if (at > 0 && words[at] === 'and') at += 1;
    const part = readAmount(words, at, unit);
    if (part === null) return null;
    seconds += part.seconds;
    unit = part.unit;
    at = part.next;
  }
  return unit === 0 ? null : seconds;
}

interface Amount {
  readonly seconds: number;
  readonly unit: number;
  readonly next: number;
}

/** One amount with its unit. After a unit, a bare half is a half of it, and a bare number counts the next smaller unit. */
function readAmount(words: readonly Word[], at: number, before: number): Amount | null {
  const clock = /^(\d+):([0-5]\d)(?::([0-5]\d))?$/.exec(words[at] ?? '');
  if (clock) return readClock(words, { clock, at });
  const read = readNumber(words, at) ?? (/^an?$/.test(words[at] ?? '') ? { value: 1, next: at + 1 } : null);
  if (read === null) return null;
  const skipped = readSkipped(words, read.next);
  const unit = SECONDS.get(words[skipped] ?? '');
  if (unit !== undefined) return withHalf(words, { seconds: read.value * unit, unit, next: skipped + 1 });
  if (before === 0) return null;
  if (read.value > 0 && read.value < 1)
    return { seconds: read.value * before, unit: before, next: read.next };
  return before >= 60 && before <= 3600
    ? { seconds: (read.value * before) / 60, unit: before / 60, next: read.next }
    : null;
}

/** "half an hour", "a quarter of an hour": the words between the part and its unit. */
function readSkipped(words: readonly Word[], at: number): number {
  const from = words[at] === 'of' ? at + 1 : at;
  return words[from] === 'a' || words[from] === 'an' ? from + 1 : from;
}

/** "an hour and a half". */
function withHalf(words: readonly Word[], amount: Amount): Amount {
  if (words[amount.next] !== 'and') return amount;
  const half = readNumber(words, amount.next + 1);
  if (half === null || half.value <= 0 || half.value >= 1) return amount;
  if (SECONDS.get(words[readSkipped(words, half.next)] ?? '') !== undefined) return amount;
  return { ...amount, seconds: amount.seconds + half.value * amount.unit, next: half.next };
}

/** "1:30 hours", "2:15 minutes"; without a unit hours and minutes. */
function readClock(
  words: readonly Word[],
  { clock, at }: { readonly clock: RegExpExecArray; readonly at: number },
): Amount {
  const [, first = '0', second = '0', third] = clock;
  const named = SECONDS.get(words[at + 1] ?? '');
  const unit = named ?? 3600;
  const seconds =
    Number(first) * unit +
    (Number(second) * unit) / 60 +
    (third === undefined ? 0 : (Number(third) * unit) / 3600);
  return { seconds, unit, next: named === undefined ? at + 1 : at + 2 };
}
