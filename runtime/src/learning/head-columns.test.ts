import { describe, expect, it } from 'vitest';
import { HEAD_TENSORS, type Head } from './head.ts';
import {
  ADDED_TENSORS,
  columnsFrom,
  elementsOfRound,
  firstColumnOf,
  headPlus,
  tensorsOfRound,
} from './head-columns.ts';

// Two features, three labels; a value says its row and column.
const head: Head = {
  width: 2,
  classes: 3,
  weight: Float32Array.of(0, 1, 2, 10, 11, 12),
  bias: Float32Array.of(100, 101, 102),
};

describe('the columns of a round', () => {
  it('are all of the head when no label is added, and else those of the added ones', () => {
    expect(tensorsOfRound(0)).toEqual(HEAD_TENSORS);
    expect(tensorsOfRound(2)).toEqual(ADDED_TENSORS);
    expect(elementsOfRound(head, 0)).toEqual([6, 3]);
    expect(elementsOfRound(head, 2)).toEqual([4, 2]);
    expect(firstColumnOf(HEAD_TENSORS, { classes: 3, added: 2 })).toBe(0);
    expect(firstColumnOf(ADDED_TENSORS, { classes: 3, added: 2 })).toBe(1);
  });

  it('are refused when the tensors are not known, or nothing is added', () => {
    const refused: unknown = expect.objectContaining({ code: 'GRAPH_UNSUPPORTED' });
    expect(() => firstColumnOf(['table'], { classes: 3, added: 0 })).toThrow(refused);
    expect(() => firstColumnOf(ADDED_TENSORS, { classes: 3, added: 0 })).toThrow(refused);
  });

  it('are cut out row by row', () => {
    const { weight, bias, classes } = columnsFrom(head, 1);
    expect([classes, ...weight, ...bias]).toEqual([2, 1, 2, 11, 12, 101, 102]);
    expect(columnsFrom(head, 0)).toBe(head);
  });

  it('move by a step while the columns before them stay', () => {
    const moved = headPlus(head, [Float32Array.of(0.5, 0.25, -1, -2), Float32Array.of(1, 2)]);
    expect([...moved.weight]).toEqual([0, 1.5, 2.25, 10, 10, 10]);
    expect([...moved.bias]).toEqual([100, 102, 104]);
    expect([...head.bias]).toEqual([100, 101, 102]);
  });
});
