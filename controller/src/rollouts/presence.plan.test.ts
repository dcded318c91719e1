import { makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { type Coming, isReachable, presenceOf, reachableFor, shareReachable } from './presence.plan.ts';

const DAY_S = 86_400;
const NOW = 1_800_000_000_000;

/** There each day from 06:00 to 10:00 of days that begin now, for so many of them. */
const mornings = (days: number): Coming[] =>
  Array.from({ length: days }, (_, day) => [
    { at: NOW - (days - day) * DAY_S * 1_000 + 6 * 3_600_000, isOnline: true },
    { at: NOW - (days - day) * DAY_S * 1_000 + 10 * 3_600_000, isOnline: false },
  ]).flat();

const presence = (comings: readonly Coming[], isOnline = false) => presenceOf(comings, { at: NOW, isOnline });

describe('the presence of a device', () => {
  it('goes on as it was, by the week where one is known', () => {
    const known = presence(mornings(9));
    expect(known.periodS).toBe(7 * DAY_S);
    expect([5, 7, 11, 31].map((hour) => isReachable(known, hour * 3_600))).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(shareReachable(known)).toBeCloseTo(4 / 24, 6);
  });

  it('goes by whole days where less than a week is known, and by what there is of the first', () => {
    expect(presence(mornings(4)).periodS).toBe(3 * DAY_S);
    const first = presence([{ at: NOW - 3_600_000, isOnline: true }], true);
    expect([first.periodS, shareReachable(first)]).toEqual([3_600, 1]);
  });

  it('stays as it is where nothing is known', () => {
    expect([presence([], true), presence([], false)].map(shareReachable)).toEqual([1, 0]);
    const away = presence([{ at: NOW - 60_000, isOnline: true }], false);
    expect(shareReachable(away)).toBe(0);
  });

  it('begins with what a device was when its period began', () => {
    const since = [{ at: NOW - 8 * DAY_S * 1_000, isOnline: true }];
    expect(shareReachable(presence(since, true))).toBe(1);
  });

  it('finds when work that needs it is done, as a walk through the seconds does', () => {
    const random = makeSeededRandom(7);
    for (let trial = 0; trial < 50; trial += 1) {
      const edges = Array.from({ length: 6 }, () => Math.floor(random.share() * 1_000)).sort((a, b) => a - b);
      const [a = 0, b = 0, c = 0, d = 0] = edges;
      const given = {
        periodS: 1_000,
        knownS: 1e6,
        spells: [
          { fromS: a, untilS: b },
          { fromS: c, untilS: d },
        ],
      };
      const fromS = Math.floor(random.share() * 2_500);
      const neededS = 1 + Math.floor(random.share() * 3_000);
      let [at, left] = [fromS, neededS];
      const isEver = b > a || d > c;
      while (isEver && left > 0) {
        if (isReachable(given, at)) left -= 1;
        at += 1;
      }
      expect(reachableFor(given, { fromS, neededS })).toBe(isEver ? at : null);
    }
  });
});
