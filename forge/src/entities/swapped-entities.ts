// Owns making new examples of marked texts: some entities are replaced by values of the same type that other texts hold, so
// that a tagger learns what stands around an entity more than the entity itself. Every draw is the caller's. Pure.
import type { SeededRandom } from '../seeded-random.ts';
import type { AnnotatedText, MarkedEntity } from './annotated-texts.ts';

/** Values of each entity type, as often as they occur, and each once. */
interface Values {
  readonly all: string[];
  readonly distinct: string[];
}

/** Shares of texts and of their entities that are changed. */
export interface Swapping {
  readonly texts: number;
  readonly entities: number;
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
    for (const [type, values] of all) this.#values.set(type, { all: values, distinct: [...new Set(values)] });
  }

  /** The text itself, or one with other values and the places of those. */
  of(example: AnnotatedText, random: SeededRandom): AnnotatedText {
    if (example.entities.length === 0 || random.uniform() >= this.#shares.texts) return example;
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
    return { text: text + example.text.slice(at), intent: example.intent, entities };
  }

  // Half by frequency, half each value alike: rare values are many, and common ones must stay common.
  #value(type: string, random: SeededRandom): string {
    const values = this.#values.get(type);
    const list = random.uniform() < 0.5 ? values?.all : values?.distinct;
    return list?.[random.below(list.length)] ?? '';
  }
}
