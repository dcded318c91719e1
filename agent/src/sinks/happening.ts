/**
 * What sinks are told of: a decision on a text, or the beginning or end of an event of a sensor line. Owns how slots are
 * made of entities, and the form in which a happening leaves; the text and what was said in it only where that is asked.
 */
import type {
  Decision,
  FoundEntity,
  LineId,
  SensorEventView,
  Tier,
  Uuid,
  Verdict,
} from '@nanofleet/protocol';

/** Value of a slot: a number where its type has one, otherwise words of the text or a known name. */
export type SlotValue = string | number;

/** One slot, under the name of its type of entity; a name may come more than once. */
export interface Slot {
  readonly name: string;
  readonly value: SlotValue;
}

interface Common {
  /** Of the decision, or of the occurrence that begins or ends. */
  readonly id: Uuid;
  readonly atMs: number;
  readonly line: LineId;
  readonly version: string;
  readonly label: string;
  readonly confidence: number;
}

/** A decision on a text. */
export interface DecisionHappening extends Common {
  readonly type: 'decision';
  readonly verdict: Verdict;
  readonly tier: Tier;
  readonly slots: readonly Slot[];
  /** Null for what a bigger tier decided: its text is not kept for so long. */
  readonly text: string | null;
}

/** An event of a sensor line. */
export interface EventHappening extends Common {
  readonly type: 'event';
  readonly phase: 'start' | 'stop';
}

export type Happening = DecisionHappening | EventHappening;

const twoDigits = (number: number): string => String(number).padStart(2, '0');

/** The value of an entity as automations take it: Home Assistant's services and intents take these forms. */
const slotValueOf = ({ value, start, end }: FoundEntity, text: string): SlotValue => {
  switch (value?.kind) {
    case 'number':
      return value.number;
    case 'duration':
      return value.seconds;
    case 'temperature':
      return value.degrees;
    case 'time':
      return `${twoDigits(Math.floor(value.minuteOfDay / 60))}:${twoDigits(value.minuteOfDay % 60)}`;
    case 'colour':
    case 'area':
    case 'device':
      return value.name;
    case undefined:
      return text.slice(start, end);
  }
};

/** Slots of a text's entities, in the order of their places. */
export const slotsOf = (entities: readonly FoundEntity[], text: string): Slot[] =>
  entities.map((entity) => ({ name: entity.type, value: slotValueOf(entity, text) }));

/** What a device decided itself. @param atMs since 1970 */
export const happeningOf = (decision: Decision, text: string, atMs: number): DecisionHappening => {
  const { id, line, version, label, confidence, verdict, tier, entities = [] } = decision;
  const slots = slotsOf(entities, text);
  return { type: 'decision', id, atMs, line, version, label, confidence, verdict, tier, slots, text };
};

/** What a bigger tier made of a decision; null while there is no answer, or one without a label. */
export const answeredHappening = (decision: Decision, atMs: number): DecisionHappening | null => {
  const { id, line, version, offload } = decision;
  const { answer } = offload;
  if (answer === undefined || answer.label === null) return null;
  const { label, confidence, verdict, tier, entities: slots = [] } = answer;
  const common = { id, atMs, line, version: answer.version ?? version, label, confidence };
  return { type: 'decision', ...common, verdict, tier, slots, text: null };
};

/** What a sensor line saw. */
export const sensorHappening = (event: SensorEventView, atMs: number): EventHappening => {
  const { occurrence, line, version, label, confidence, phase } = event;
  return { type: 'event', id: occurrence, atMs, line, version, label, confidence, phase };
};

/** Slots as one object; a name that comes more than once has a list. */
export const slotsByName = (slots: readonly Slot[]): Record<string, SlotValue | SlotValue[]> => {
  const byName: Record<string, SlotValue | SlotValue[]> = {};
  for (const { name, value } of slots) {
    const before = byName[name];
    byName[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return byName;
};

/** What of a happening may leave. */
export interface Shown {
  readonly device: string;
  /** Whether the slots go along: they hold words of the text. */
  readonly slots: boolean;
  /** Whether the text goes along. */
  readonly text: boolean;
}

/** A happening as JSON of its own: for topics and webhooks. */
export const messageOf = (happening: Happening, { device, slots, text }: Shown): Record<string, unknown> => {
  const { type, id, atMs, line, version, label, confidence } = happening;
  const at = new Date(atMs).toISOString();
  const common = { type, id, at, device, line, version, label, confidence };
  if (happening.type === 'event') return { ...common, phase: happening.phase };
  return {
    ...common,
    verdict: happening.verdict,
    tier: happening.tier,
    ...(slots ? { slots: slotsByName(happening.slots) } : {}),
    ...(text && happening.text !== null ? { text: happening.text } : {}),
  };
};
