// Owns which texts a step learns from: several sources, each with its share of every batch, dealt without repeating a text
// before all of its source had their turn. It never turns a text into numbers.
import type { SeededRandom } from '../seeded-random.ts';

/** Texts of one kind. Without `labels` and `teacher` they say nothing but their words. */
export interface TextSource {
  readonly texts: readonly string[];
  /** Class numbers, one a text. */
  readonly labels?: Int32Array;
  /** Texts that belong to no class: the model should find all classes equally unlikely. */
  readonly outOfScope?: boolean;
  /** Logits of a teacher [texts, classes], row major. */
  readonly teacher?: Float32Array;
  /** First class and count of classes of the source's task; absent: all classes of the network. */
  readonly task?: { readonly from: number; readonly count: number };
  /** Part of each batch, relative to the shares of the other sources. */
  readonly share: number;
}

/** One text of a batch. */
export interface Drawn {
  readonly source: TextSource;
  readonly index: number;
}

/** Deals texts of sources by their shares. */
export class SourceDraw {
  readonly #decks: readonly Deck[];

  constructor(sources: readonly TextSource[], random: SeededRandom) {
    this.#decks = sources
      .filter(({ texts, share }) => texts.length > 0 && share > 0)
      .map((source) => new Deck(source, random));
  }

  /** `count` texts; each source gives its share, rounded so that nobody is forgotten in the long run. */
  take(count: number): Drawn[] {
    const shares = this.#decks.reduce((sum, { source }) => sum + source.share, 0);
    for (const deck of this.#decks) deck.owed += (count * deck.source.share) / shares;
    const drawn: Drawn[] = [];
    while (drawn.length < count) {
      const next = this.#decks.reduce((most, deck) => (deck.owed > most.owed ? deck : most));
      next.owed -= 1;
      drawn.push({ source: next.source, index: next.next() });
    }
    return drawn;
  }
}

class Deck {
  readonly source: TextSource;
  owed = 0;
  readonly #random: SeededRandom;
  #order: Int32Array = new Int32Array(0);
  #at = 0;

  constructor(source: TextSource, random: SeededRandom) {
    this.source = source;
    this.#random = random;
  }

  next(): number {
    if (this.#at >= this.#order.length) {
      this.#order = this.#random.order(this.source.texts.length);
      this.#at = 0;
    }
    const index = this.#order[this.#at] ?? 0;
    this.#at += 1;
    return index;
  }
}

/** How targets are made of labels and of a teacher. */
export interface TargetSettings {
  readonly classes: number;
  /** Share of a label's probability that all classes of the task get. */
  readonly labelSmoothing: number;
  /** Weight of the label against the teacher, where a text has both. */
  readonly hardWeight: number;
  /** Weight of a text out of scope. */
  readonly outOfScopeWeight: number;
}

/** Fills a row of probabilities over all classes; it sums to the weight of the text, 0 if nothing is known of it. */
export function fillTargets(row: Float32Array, { source, index }: Drawn, settings: TargetSettings): void {
  const { from, count } = source.task ?? { from: 0, count: settings.classes };
  row.fill(0);
  const hard = source.teacher ? settings.hardWeight : 1;
  const label = source.labels?.[index];
  if (source.teacher && (label === undefined || hard < 1))
    addTeacher(row, source.teacher, {
      from,
      count,
      index,
      classes: settings.classes,
      weight: label === undefined ? 1 : 1 - hard,
    });
  if (source.outOfScope) addUniform(row, { from, count, weight: settings.outOfScopeWeight });
  if (label === undefined) return;
  addUniform(row, { from, count, weight: hard * settings.labelSmoothing });
  row[label] = (row[label] ?? 0) + hard * (1 - settings.labelSmoothing);
}

function addUniform(
  row: Float32Array,
  { from, count, weight }: { readonly from: number; readonly count: number; readonly weight: number },
): void {
  for (let at = from; at < from + count; at += 1) row[at] = (row[at] ?? 0) + weight / count;
}

interface TeacherRow {
  readonly from: number;
  readonly count: number;
  readonly index: number;
  readonly classes: number;
  readonly weight: number;
}

// Softmax of the teacher's logits: cross-entropy with it has the gradient of distillation at temperature 1.
function addTeacher(
  row: Float32Array,
  teacher: Float32Array,
  { from, count, index, classes, weight }: TeacherRow,
): void {
  const logits = teacher.subarray(index * classes + from, index * classes + from + count);
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > highest) highest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  for (let at = 0; at < count; at += 1)
    row[from + at] = (row[from + at] ?? 0) + (weight * Math.exp((logits[at] ?? 0) - highest)) / sum;
}
