// Owns making new examples of marked texts: some entities are replaced by values of the same type that other texts hold, so
// that a tagger learns what stands around an entity more than the entity itself. Every draw is the caller's. Pure.
import type { SeededRandom } from '../seeded-random.ts';
import type { AnnotatedText, LearnedText, MarkedEntity } from './annotated-texts.ts';

/** Values of each entity type, as often as they occur, and each once. */
interface Values {
  readonly all: string[];
  readonly distinct: string[];
  /** Whether new values are to be expected: most of those seen were seen once. */
  readonly isOpen: boolean;
}

/** Types of whose values at least this share is distinct are open. */
const OPEN_SHARE = 0.6;

/** Shares of texts and of their entities that are changed. */
export interface Swapping {
  readonly texts: number;
  readonly entities: number;
  /** Of the values put in place of types with ever new ones, the share that is made up. */
  readonly invented: number;
}

/** Replaces entities by others that it was made of. */
export class EntitySwapper {
  readonly #values = new Map<string, Values>();
  readonly #shares: Swapping;

  constructor(texts: readonly AnnotatedText[], shares: Swapping) {
    this.#shares = shares;
    const all = new Map<string, string[]>();
    for (const { text, entities } of texts) {
      for (const { type, start, end } of entities) {
        const known = all.get(type);
        if (known) known.push(text.slice(start, end));
        else all.set(type, [text.slice(start, end)]);
      }
    }
    for (const [type, values] of all) {
      const distinct = [...new Set(values)];
      const isOpen = distinct.length >= OPEN_SHARE * values.length;
      this.#values.set(type, { all: values, distinct, isOpen });
    }
  }

  /** The text itself, or one with other values and the places of those. */
  of<Text extends LearnedText>(example: Text, random: SeededRandom): Text {
    if (example.entities === null || example.entities.length === 0 || random.uniform() >= this.#shares.texts)
      return example;
    let text = '';
    let at = 0;
    const entities: MarkedEntity[] = [];
    for (const { start, end, type } of example.entities) {
      text += example.text.slice(at, start);
      const value =
        random.uniform() < this.#shares.entities ? this.#value(type, random) : example.text.slice(start, end);
      entities.push({ start: text.length, end: text.length + value.length, type });
      text += value;
      at = end;
    }
    return { ...example, text: text + example.text.slice(at), entities };
  }

  // Half by frequency, half each value alike: rare values are many, and common ones must stay common.
  #value(type: string, random: SeededRandom): string {
    const values = this.#values.get(type);
    if (values === undefined) return '';
    const list = random.uniform() < 0.5 ? values.all : values.distinct;
    const value = drawn(list, random);
    if (!values.isOpen || random.uniform() >= this.#shares.invented) return value;
    return invented(value, drawn(values.distinct, random), random);
  }
}

const drawn = (list: readonly string[], random: SeededRandom): string =>
  list[random.below(list.length)] ?? '';

// A name that nobody has heard, as many are on a device: the beginnings of its words with the ends of another's. Without it a
// tagger takes an unknown city for a rare country, because it has seen every country often.
function invented(value: string, other: string, random: SeededRandom): string {
  const ends = other.split(' ');
  return value
    .split(' ')
    .map((word) => {
      const end = ends[random.below(ends.length)] ?? '';
      if (word.length < 4 || end.length < 4 || random.uniform() < 0.3) return word;
      return word.slice(0, 2 + random.below(word.length - 2)) + end.slice(1 + random.below(end.length - 2));
    })
    .join(' ');
}
