/** What the page knows from the stream, as values: how an event changes it. Pure. */
import {
  type ApiAnswer,
  LIVE_EVENTS,
  LIVE_PARTS,
  type LiveDecision,
  type LiveEvent,
  type LivePart,
  type TimelineEntry,
} from '@nanofleet/protocol';

const DECISIONS_KEPT = 100;
const HAPPENINGS_KEPT = 200;

/** What came over the stream. */
export interface LiveState {
  readonly link: 'connecting' | 'live' | 'waiting';
  readonly fleet: ApiAnswer<'fleet'> | null;
  /** How often each part has changed: a part that shows it asks again. */
  readonly revisions: Readonly<Record<LivePart, number>>;
  /** Newest first. */
  readonly decisions: readonly LiveDecision[];
  /** Newest first. */
  readonly happenings: readonly TimelineEntry[];
}

/** Before anything came. */
export const INITIAL: LiveState = {
  link: 'connecting',
  fleet: null,
  revisions: Object.fromEntries(LIVE_PARTS.map((part) => [part, 0])) as Record<LivePart, number>,
  decisions: [],
  happenings: [],
};

const newestFirst = <T extends { position: number }>(
  known: readonly T[],
  arrived: readonly T[],
  kept: number,
): T[] => {
  const top = known[0]?.position ?? 0;
  return [...arrived.filter(({ position }) => position > top).reverse(), ...known].slice(0, kept);
};

/** The state after an event; the same for one that this version does not know. */
export const afterEvent = (state: LiveState, name: LiveEvent, data: unknown): LiveState => {
  switch (name) {
    case 'fleet': {
      const parsed = LIVE_EVENTS.fleet.safeParse(data);
      return parsed.success ? { ...state, fleet: parsed.data } : state;
    }
    case 'changed': {
      const parsed = LIVE_EVENTS.changed.safeParse(data);
      if (!parsed.success) return state;
      const revisions = { ...state.revisions };
      for (const part of parsed.data) revisions[part] += 1;
      return { ...state, revisions };
    }
    case 'decisions': {
      const parsed = LIVE_EVENTS.decisions.safeParse(data);
      if (!parsed.success) return state;
      return { ...state, decisions: newestFirst(state.decisions, parsed.data.items, DECISIONS_KEPT) };
    }
    case 'timeline': {
      const parsed = LIVE_EVENTS.timeline.safeParse(data);
      if (!parsed.success) return state;
      return { ...state, happenings: newestFirst(state.happenings, parsed.data, HAPPENINGS_KEPT) };
    }
  }
};

/** After a gap everything may have changed. */
export const afterGap = (state: LiveState): LiveState => ({
  ...state,
  revisions: Object.fromEntries(
    Object.entries(state.revisions).map(([part, count]) => [part, count + 1]),
  ) as Record<LivePart, number>,
});
