/** Maintenance windows: whether it is time for a device, by the clock on its wall. Pure; time zones are the platform's. */
import type { RolloutPlan } from '@nanofleet/protocol';

type Window = NonNullable<RolloutPlan['windows']>[number];

const DAY_MINUTES = 1_440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

const formats = new Map<string, Intl.DateTimeFormat>();

const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  formats.set(timeZone, format);
  return format;
};

/** Whether the platform knows a time zone by this name. */
export const isTimeZone = (timeZone: string): boolean => {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    // Intl says so by throwing a RangeError, and has no other way to ask.
    return false;
  }
};

/** Minute of the week on the wall of a time zone. */
const weekMinuteOf = (at: number, timeZone: string): number => {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const day = DAYS.indexOf(parts.get('weekday') ?? '');
  return day * DAY_MINUTES + Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
};

const startMinute = (from: string): number => Number(from.slice(0, 2)) * 60 + Number(from.slice(3));

const holds = ({ days = [0, 1, 2, 3, 4, 5, 6], from, minutes }: Window, weekMinute: number): boolean =>
  days.some((day) => {
    const since = weekMinute - (day * DAY_MINUTES + startMinute(from));
    return (since + WEEK_MINUTES) % WEEK_MINUTES < minutes;
  });

/** Whether a device may be changed at a time; always, without windows. An unknown time zone counts as UTC. */
export const isInWindow = (
  windows: readonly Window[] | undefined,
  { at, timeZone }: { at: number; timeZone: string },
): boolean => {
  if (windows === undefined || windows.length === 0) return true;
  const minute = weekMinuteOf(at, isTimeZone(timeZone) ? timeZone : 'UTC');
  return windows.some((window) => holds(window, minute));
};
