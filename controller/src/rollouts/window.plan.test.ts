import { describe, expect, it } from 'vitest';
import { isInWindow, isTimeZone } from './window.plan.ts';

const utc = (text: string): number => Date.parse(text);

describe('a maintenance window', () => {
  const nights = [{ from: '02:00', minutes: 120 }];

  it('is open by the clock on the wall of the device, not of the controller', () => {
    const at = utc('2026-07-01T01:30:00Z');
    expect(isInWindow(nights, { at, timeZone: 'UTC' })).toBe(false);
    expect(isInWindow(nights, { at, timeZone: 'Europe/Berlin' })).toBe(true);
    expect(isInWindow(nights, { at, timeZone: 'America/New_York' })).toBe(false);
  });

  it('follows the change to summer time', () => {
    expect(isInWindow(nights, { at: utc('2026-01-15T02:30:00Z'), timeZone: 'Europe/Berlin' })).toBe(true);
    expect(isInWindow(nights, { at: utc('2026-07-15T02:30:00Z'), timeZone: 'Europe/Berlin' })).toBe(false);
  });

  it('goes over midnight, and from Saturday into Sunday', () => {
    const late = [{ days: [6], from: '23:00', minutes: 120 }];
    expect(isInWindow(late, { at: utc('2026-11-28T23:30:00Z'), timeZone: 'UTC' })).toBe(true);
    expect(isInWindow(late, { at: utc('2026-11-29T00:59:00Z'), timeZone: 'UTC' })).toBe(true);
    expect(isInWindow(late, { at: utc('2026-11-29T01:00:00Z'), timeZone: 'UTC' })).toBe(false);
    expect(isInWindow(late, { at: utc('2026-11-27T23:30:00Z'), timeZone: 'UTC' })).toBe(false);
  });

  it('is no bound where there is none, and UTC for a time zone that nobody knows', () => {
    expect(isInWindow(undefined, { at: 0, timeZone: 'UTC' })).toBe(true);
    expect(isTimeZone('Mars/Olympus')).toBe(false);
    expect(isInWindow(nights, { at: utc('2026-07-01T02:30:00Z'), timeZone: 'Mars/Olympus' })).toBe(true);
  });
});
