// Behaviour of graph surgery: weights read back, only the named ones change, damaged graphs are refused with a code.
import { NanofleetError } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tinyTextGraph } from '../testing/tiny-graph.ts';
import { listInitializers, replaceInitializers } from './initializers.ts';

const graph = tinyTextGraph({
  table: [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  weight: [
    [1, 0],
    [0, 1],
  ],
});
const floats = (raw: Uint8Array | undefined): number[] => {
  const copy = Uint8Array.from(raw ?? []);
  return Array.from(new Float32Array(copy.buffer));
};
const named = (model: Uint8Array, name: string) =>
  listInitializers(model).find((tensor) => tensor.name === name);
const rawOf = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

describe('listInitializers', () => {
  it('tells name, shape, type and bytes of each weight', () => {
    expect(listInitializers(graph).map(({ name, dims, dataType }) => ({ name, dims, dataType }))).toEqual([
      { name: 'table', dims: [3, 2], dataType: 1 },
      { name: 'weight', dims: [2, 2], dataType: 1 },
      { name: 'first', dims: [1], dataType: 7 },
    ]);
    expect(floats(named(graph, 'table')?.raw)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('replaceInitializers', () => {
  it('changes the named weight and nothing else', () => {
    const changed = replaceInitializers(graph, new Map([['weight', { raw: rawOf(9, 8, 7, 6) }]]));
    expect(floats(named(changed, 'weight')?.raw)).toEqual([9, 8, 7, 6]);
    expect(floats(named(changed, 'table')?.raw)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(listInitializers(changed).map((tensor) => tensor.name)).toEqual(['table', 'weight', 'first']);
  });

  it('may change a shape, as a head that gains a label needs', () => {
    const grown = replaceInitializers(
      graph,
      new Map([['weight', { dims: [2, 3], raw: rawOf(1, 2, 3, 4, 5, 6) }]]),
    );
    expect(named(grown, 'weight')?.dims).toEqual([2, 3]);
    expect(floats(named(grown, 'table')?.raw)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('gives back equal weights when they are replaced by themselves, and the same bytes from the second time on', () => {
    const all = new Map(listInitializers(graph).map((tensor) => [tensor.name, tensor]));
    const once = replaceInitializers(graph, all);
    expect(listInitializers(once)).toEqual(listInitializers(graph));
    expect(replaceInitializers(once, all)).toEqual(once);
    expect(replaceInitializers(graph, new Map())).toEqual(graph);
  });

  it('refuses names that are not there and bytes that do not fit', () => {
    expect(() => replaceInitializers(graph, new Map([['bias', { raw: rawOf(1) }]]))).toThrow(
      'no initializer bias',
    );
    expect(() => replaceInitializers(graph, new Map([['weight', { raw: rawOf(1) }]]))).toThrow('4 bytes');
  });
});

describe('a damaged graph', () => {
  it('ends in a list or GRAPH_UNSUPPORTED, wherever it is cut or changed', () => {
    const outcome = (bytes: Uint8Array): string => {
      try {
        listInitializers(bytes);
        return 'listed';
      } catch (thrown) {
        return thrown instanceof NanofleetError ? thrown.code : String(thrown);
      }
    };
    fc.assert(
      fc.property(fc.nat(graph.length - 1), fc.nat(255), fc.boolean(), (at, value, isCut) => {
        const bytes = Uint8Array.from(isCut ? graph.subarray(0, at) : graph);
        if (!isCut) bytes[at] = value;
        expect(outcome(bytes)).toMatch(/^(listed|GRAPH_UNSUPPORTED)$/);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});
