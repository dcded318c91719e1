// Behaviour of deltas: the very file comes back for any two files, moved codes cost what their entropy says, and what is no delta of
// this base is refused or gives other bytes, within the size that was allowed.
import { toNanofleetError } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededDraws } from '../testing/seeded-draws.ts';
import { tinyTableGraph } from '../testing/tiny-graph.ts';
import { applyDelta, encodeDelta } from './delta.ts';

const WIDTH = 64;
const table = (rows: number, code: (at: number) => number): Uint8Array =>
  tinyTableGraph({
    codes: Int8Array.from({ length: rows * WIDTH }, (_, at) => code(at)),
    scales: new Float32Array(rows).fill(0.5),
  });

/** A graph of codes like those of a trained table, and the same with a share of them moved by one. */
function fineTune(rows: number, moved: number) {
  const random = new SeededDraws(1);
  const codes = Int8Array.from({ length: rows * WIDTH }, () => Math.round(random.uniform() * 120) - 60);
  const next = codes.map((code) =>
    random.uniform() < moved ? code + (random.uniform() < 0.5 ? 1 : -1) : code,
  );
  return { base: table(rows, (at) => codes[at] ?? 0), target: table(rows, (at) => next[at] ?? 0) };
}

/** Bytes of coded differences of which a share is one up or one down. */
const entropyBytes = (count: number, moved: number): number =>
  (-count * (moved * Math.log2(moved / 2) + (1 - moved) * Math.log2(1 - moved))) / 8;

/** What came of applying: the bytes, or the code of the refusal. */
function outcomeOf(base: Uint8Array, delta: Uint8Array, bytesMax?: number): Uint8Array | string {
  try {
    return applyDelta(base, delta, bytesMax);
  } catch (thrown) {
    return toNanofleetError(thrown).code;
  }
}

describe('a delta', () => {
  it('gives the very file for any two files', () => {
    const files = fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.constant(new Uint8Array(300)));
    fc.assert(
      fc.property(files, files, (base, target) => {
        expect(applyDelta(base, encodeDelta(base, target))).toEqual(target);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('gives the very graph for any two graphs, whatever their sizes', () => {
    const sizes = fc.record({ from: fc.integer({ min: 1, max: 40 }), to: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(sizes, fc.integer(), ({ from, to }, seed) => {
        const random = new SeededDraws(seed);
        const base = table(from, (at) => at % 100);
        const target = table(to, (at) => (random.uniform() < 0.1 ? 7 : at % 100));
        expect(applyDelta(base, encodeDelta(base, target))).toEqual(target);
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it.each([
    [0.02, 0.023],
    [0.1, 0.08],
    [0.3, 0.16],
  ])('costs little more than the entropy where %s of the codes moved by one', (moved, shareMax) => {
    const rows = 4_000;
    const { base, target } = fineTune(rows, moved);
    const { length } = encodeDelta(base, target);
    expect(length).toBeLessThan(1.2 * entropyBytes(rows * WIDTH, moved));
    expect(length).toBeLessThan(shareMax * target.length);
  });

  it('costs the rows that changed where these are few, and nearly nothing where a table only grew', () => {
    const base = table(1_000, (at) => (at * at) % 101);
    const oneRow = table(1_000, (at) => ((at * at) % 101) - (at >> 6 === 500 ? at % 27 : 0));
    expect(encodeDelta(base, oneRow).length).toBeLessThan(500);
    const grown = table(1_002, (at) => (at < 64_000 ? (at * at) % 101 : at % 27));
    expect(encodeDelta(base, grown).length).toBeLessThan(700);
    expect(encodeDelta(base, base).length).toBeLessThan(200);
  });

  it('is never much longer than the file, even from nothing', () => {
    const random = new SeededDraws(3);
    const target = table(100, () => random.below(256) - 128);
    expect(encodeDelta(new Uint8Array(0), target).length).toBeLessThan(target.length + 200);
  });

  it('is refused when it is cut off anywhere, or longer than its parts', () => {
    const { base, target } = fineTune(20, 0.2);
    const delta = encodeDelta(base, target);
    const cut = Array.from(delta, (_, length) => outcomeOf(base, delta.subarray(0, length)));
    expect(new Set(cut)).toEqual(new Set(['DELTA_INVALID']));
    expect(outcomeOf(base, Uint8Array.of(...delta, 0))).toBe('DELTA_INVALID');
  });

  it('is refused with its code, or gives bytes of an allowed size, when any of its bytes is another', () => {
    const { base, target } = fineTune(20, 0.2);
    const delta = encodeDelta(base, target);
    const kinds = Array.from(delta, (_, at) => {
      const changed = delta.map((byte, index) => (index === at ? byte ^ 0x41 : byte));
      const outcome = outcomeOf(base, changed, 4_096);
      return typeof outcome === 'string' ? outcome : `at most 4096: ${outcome.length <= 4_096}`;
    });
    expect(new Set(kinds)).toEqual(new Set(['DELTA_INVALID', 'at most 4096: true']));
  });

  it('is refused for a base of another size, and where it leads to more than is allowed', () => {
    const { base, target } = fineTune(20, 0.2);
    const delta = encodeDelta(base, target);
    expect(() => applyDelta(base.subarray(1), delta)).toThrow(`its base has ${base.length} bytes`);
    expect(() => applyDelta(base, delta, 1_000)).toThrow('1000 are allowed');
  });
});
