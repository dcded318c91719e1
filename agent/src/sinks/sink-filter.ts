/** Which happenings a sink gets. Owns the events under way whose beginning went there, so that their end follows; bounded by the labels. */
import type { EventHappening, Happening } from './happening.ts';
import type { WhenConfig } from './sink-config.ts';

/** The filter of one sink. */
export class SinkFilter {
  readonly #when: WhenConfig;
  readonly #labels: ReadonlySet<string> | null;
  readonly #begun = new Set<string>();

  /** @param labels only these, whatever `when` says; null for any */
  constructor(when: WhenConfig, labels: readonly string[] | null) {
    this.#when = when;
    const given = when.labels ?? labels;
    this.#labels = given === null ? null : new Set(given.filter((label) => labels?.includes(label) ?? true));
  }

  /** Whether the sink is told. */
  takes(happening: Happening): boolean {
    const { line, verdicts, tiers, minConfidence } = this.#when;
    if (line !== undefined && line !== happening.line) return false;
    if (this.#labels !== null && !this.#labels.has(happening.label)) return false;
    if (happening.type === 'event') return this.#takesEvent(happening);
    const isWanted = verdicts.includes(happening.verdict) && tiers.includes(happening.tier);
    return isWanted && happening.confidence >= minConfidence;
  }

  #takesEvent({ id, phase, confidence }: EventHappening): boolean {
    const { minConfidence, phases } = this.#when;
    if (phase === 'stop') return this.#begun.delete(id) && phases.includes('stop');
    if (confidence < minConfidence) return false;
    this.#begun.add(id);
    return phases.includes('start');
  }
}
