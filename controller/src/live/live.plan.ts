/** Which parts of the API changed between two looks at the database, and how events are written to a stream. Pure. */
import type { LiveEvent, LivePart } from '@nanofleet/protocol';

/** What one look saw of each part: any value that differs when the part differs. */
export type Marks = Readonly<Record<LivePart, string>>;

/** Where a reader is. */
export interface Place {
  /** Position in the timeline. */
  readonly timeline: number;
  /** Position in the events. */
  readonly event: number;
}

/** Parts that differ, in the order of the marks. */
export const changedParts = (before: Marks, after: Marks): LivePart[] =>
  (Object.keys(after) as LivePart[]).filter((part) => before[part] !== after[part]);

/** The id of an event that brings a reader to a place. */
const idOf = ({ timeline, event }: Place): string => `${timeline}-${event}`;

/** The place of the last event that a reader saw; null for none or for what is no place. */
export const placeOf = (lastEventId: string | undefined): Place | null => {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(lastEventId ?? '');
  return match === null ? null : { timeline: Number(match[1]), event: Number(match[2]) };
};

/** One event as it goes over the wire (HTML, 9.2.6). JSON holds no line break, so one `data` line is enough. */
export const frameOf = (event: { name: LiveEvent; value: unknown; place: Place }): string =>
  `id: ${idOf(event.place)}\nevent: ${event.name}\ndata: ${JSON.stringify(event.value)}\n\n`;
