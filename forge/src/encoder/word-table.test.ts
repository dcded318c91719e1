import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { type TableState, WordTable } from './word-table.ts';

const BUCKETS = 50;

function state(width: number): TableState {
  const random = new SeededRandom(1, 'table');
  const numbers = (size: number): Float32Array =>
    Float32Array.from({ length: BUCKETS * width }, () => size * random.normal());
  return {
    value: numbers(0.1),
    firstMoment: numbers(0.01),
    secondMoment: numbers(0.001).map((value) => value ** 2),
  };
}

/** Words of up to five rows, some of them twice, and some words without any; more than are computed together. */
function someWords(count: number): Int32Array[] {
  const random = new SeededRandom(2, 'words');
  return Array.from({ length: count }, () =>
    Int32Array.from({ length: random.below(6) }, () => random.below(BUCKETS - 1)),
  );
}

const plain = {
  vectors(width: number, { value }: TableState, words: readonly Int32Array[]): Float32Array {
    const vectors = new Float32Array(words.length * width);
    words.forEach((rows, word) => {
      for (const row of rows)
        for (let at = 0; at < width; at += 1)
          vectors[word * width + at] =
            (vectors[word * width + at] ?? 0) + (1 / Math.sqrt(rows.length)) * (value[row * width + at] ?? 0);
    });
    return vectors;
  },
  learn(width: number, { value, firstMoment, secondMoment }: TableState, step: Step): void {
    const slopes = new Float32Array(value.length);
    step.words.forEach((rows, word) => {
      for (const row of rows)
        for (let at = 0; at < width; at += 1)
          slopes[row * width + at] =
            (slopes[row * width + at] ?? 0) +
            (1 / Math.sqrt(rows.length)) * (step.gradient[word * width + at] ?? 0);
    });
    const used = new Set(step.words.flatMap((rows) => Array.from(rows)));
    slopes.forEach((slope, place) => {
      if (!used.has(Math.floor(place / width))) return;
      const first = 0.9 * (firstMoment[place] ?? 0) + (1 - 0.9) * slope;
      const second = 0.999 * (secondMoment[place] ?? 0) + (1 - 0.999) * slope * slope;
      firstMoment[place] = first;
      secondMoment[place] = second;
      value[place] = (value[place] ?? 0) - (step.rate * first) / (Math.sqrt(second) + 1e-8);
    });
  },
};

interface Step {
  readonly words: readonly Int32Array[];
  readonly gradient: Float32Array;
  readonly rate: number;
}

describe.each([1, 5, 8, 64])('a table of width %i', (width) => {
  it('sums and moves rows with the bits of plain loops', () => {
    const expected = state(width);
    const table = new WordTable(width, state(width));
    const words = someWords(600);
    const random = new SeededRandom(3, 'gradient');
    for (const rate of [0.01, 0.002]) {
      const vectors = table.vectors(words);
      expect(vectors).toEqual(plain.vectors(width, expected, words));
      const gradient = vectors.map((value) => value * random.normal());
      table.learn(words, gradient, rate);
      plain.learn(width, expected, { words, gradient, rate });
      expect(table.state).toEqual(expected);
    }
  });
});

describe('WordTable', () => {
  it('leaves rows that no word has as they were, and the arrays that it was made of', () => {
    const given = state(8);
    const table = new WordTable(8, given);
    table.learn([Int32Array.of(3)], new Float32Array(8).fill(1), 0.1);
    expect(given).toEqual(state(8));
    expect(table.state.value.subarray(32)).toEqual(given.value.subarray(32));
    expect(table.state.value.subarray(24, 32)).not.toEqual(given.value.subarray(24, 32));
  });

  it('reads a table without moments', () => {
    const none = new Float32Array();
    const { value } = state(8);
    const table = new WordTable(8, { value, firstMoment: none, secondMoment: none });
    expect(table.vectors([Int32Array.of(2)])).toEqual(value.slice(16, 24));
  });
});
