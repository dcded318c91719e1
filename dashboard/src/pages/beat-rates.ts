/** Rates out of counters of beats. Pure. */
import type { BeatPoint } from '@nanofleet/protocol';

/** Decisions per second between neighbours; a counter that fell is of an agent that began anew. */
export const perSecondOf = (beats: readonly Pick<BeatPoint, 'at' | 'decisions'>[]): (number | null)[] =>
  beats.map(({ at, decisions }, index) => {
    const before = beats[index - 1];
    if (before === undefined || at <= before.at) return null;
    const added = decisions >= before.decisions ? decisions - before.decisions : decisions;
    return added / ((at - before.at) / 1_000);
  });
