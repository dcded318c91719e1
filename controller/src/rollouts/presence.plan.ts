/**
 * When a device could be reached, out of its comings and goings, and when it will be if it goes on like that. Pure. The
 * recorded time is played again: from a week ago where that much is known, else from so many whole days, else from the
 * beginning of what is known.
 */
const DAY_S = 86_400;
const WEEK_DAYS = 7;
/** What is known of a shorter time says nothing: the device is taken to stay as it is. */
const KNOWN_MIN_S = 600;

/** A coming or going. */
export interface Coming {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly isOnline: boolean;
}

/** Spells in which a device can be reached, seconds from the beginning of a period that comes again and again. */
export interface Presence {
  readonly periodS: number;
  readonly spells: readonly { readonly fromS: number; readonly untilS: number }[];
  /** How much of its past it is made of, seconds. */
  readonly knownS: number;
}

const steady = (isOnline: boolean, knownS: number): Presence => ({
  periodS: DAY_S,
  spells: isOnline ? [{ fromS: 0, untilS: DAY_S }] : [],
  knownS,
});

const periodOf = (knownS: number): number => {
  const days = Math.floor(knownS / DAY_S);
  return days === 0 ? knownS : Math.min(days, WEEK_DAYS) * DAY_S;
};

/** The presence of a device, its period ending now. @param comings oldest first; @param now.isOnline whether it can be reached */
export const presenceOf = (
  comings: readonly Coming[],
  now: { readonly at: number; readonly isOnline: boolean },
): Presence => {
  const [first] = comings;
  const knownS = first === undefined ? 0 : Math.max(0, (now.at - first.at) / 1_000);
  if (knownS < KNOWN_MIN_S) return steady(now.isOnline, knownS);
  const periodS = periodOf(knownS);
  const secondOf = ({ at }: Coming): number => (at - now.at) / 1_000 + periodS;
  const before = comings.findLast((coming) => secondOf(coming) <= 0);
  const spells: { fromS: number; untilS: number }[] = [];
  let sinceS = before?.isOnline === true ? 0 : null;
  for (const coming of comings) {
    const at = secondOf(coming);
    if (at <= 0 || at > periodS) continue;
    if (coming.isOnline) sinceS ??= at;
    else if (sinceS !== null) {
      spells.push({ fromS: sinceS, untilS: at });
      sinceS = null;
    }
  }
  if (sinceS !== null) spells.push({ fromS: sinceS, untilS: periodS });
  return { periodS, spells, knownS };
};

/** Whether a device can be reached so many seconds from now. */
export const isReachable = ({ periodS, spells }: Presence, afterS: number): boolean => {
  const at = afterS % periodS;
  return spells.some(({ fromS, untilS }) => at >= fromS && at < untilS);
};

/** Share of the time in which it can be reached. */
export const shareReachable = ({ periodS, spells }: Presence): number =>
  spells.reduce((sum, { fromS, untilS }) => sum + untilS - fromS, 0) / periodS;

/** When it will have been reachable for `neededS` from `fromS` on, seconds from now; null for never. */
export const reachableFor = (
  presence: Presence,
  { fromS, neededS }: { readonly fromS: number; readonly neededS: number },
): number | null => {
  const { periodS, spells } = presence;
  const perPeriodS = shareReachable(presence) * periodS;
  if (perPeriodS <= 0) return null;
  let leftS = neededS;
  let startS = Math.floor(fromS / periodS) * periodS;
  // Whole periods are leapt over: a long transfer of a device that is seldom there.
  for (let isFirst = true; ; isFirst = false, startS += periodS) {
    if (!isFirst && leftS > perPeriodS) {
      const whole = Math.ceil(leftS / perPeriodS) - 1;
      startS += whole * periodS;
      leftS -= whole * perPeriodS;
    }
    for (const spell of spells) {
      const beginS = Math.max(fromS, startS + spell.fromS);
      const lastsS = startS + spell.untilS - beginS;
      if (lastsS <= 0) continue;
      if (leftS <= lastsS) return beginS + leftS;
      leftS -= lastsS;
    }
  }
};
