// Places of bundles in their lineage.
import { digestSchema } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { placedLineage } from './lineage.plan.ts';

const digest = (letter: string) => digestSchema.parse(letter.repeat(64));
const bundle = (own: string, parent: string | null, releaseCounter: number) => ({
  digest: digest(own),
  parent: parent === null ? null : digest(parent),
  releaseCounter,
});

it('children stand right of their parents, siblings below one another', () => {
  const placed = placedLineage([
    bundle('a', null, 1),
    bundle('c', 'a', 3),
    bundle('b', 'a', 2),
    bundle('d', 'b', 4),
  ]);
  expect(placed.map(({ column, row }) => [column, row])).toEqual([
    [0, 0],
    [1, 0],
    [1, 1],
    [2, 0],
  ]);
});

it('an unknown parent, and a circle, do not confuse it', () => {
  expect(placedLineage([bundle('a', 'f', 1)])[0]).toMatchObject({ column: 0, row: 0 });
  expect(placedLineage([bundle('a', 'b', 1), bundle('b', 'a', 2)]).length).toBe(2);
});
