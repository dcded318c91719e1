/** The browser's clock and timers, and times as people read them. The only file of the package that touches them. */

/** Milliseconds since 1970. */
export const unixMs = (): number => Date.now();

/** Calls `act` once after a delay; the result ends it before. */
export const after = (milliseconds: number, act: () => void): (() => void) => {
  const timer = setTimeout(act, milliseconds);
  return () => clearTimeout(timer);
};

/** Calls `act` again and again; the result ends it. */
export const every = (milliseconds: number, act: () => void): (() => void) => {
  const timer = setInterval(act, milliseconds);
  return () => clearInterval(timer);
};

/** Whether two moments are of one calendar day here. */
export const isSameDay = (one: number, other: number): boolean =>
  new Date(one).toDateString() === new Date(other).toDateString();

const two = (value: number): string => String(value).padStart(2, '0');

/** Hours and minutes: 14:03. */
export const minuteText = (at: number): string => {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
};

/** Seconds of the minute: 09. */
export const secondText = (at: number): string => two(new Date(at).getSeconds());

/** Day in words of the reader's own language settings: 25 Nov. */
export const dayText = (at: number): string =>
  new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' }).format(at);

/** A whole moment: 25 Nov 14:03:09. */
export const momentText = (at: number): string => `${dayText(at)} ${minuteText(at)}:${secondText(at)}`;
