// Behaviour of the judge on rows that can be counted by hand.
import { describe, expect, it } from 'vitest';
import { confusion, macroF1ByMachine } from './judge.ts';
import type { MachineWindow } from './windows.ts';

const window = (machine: number, label: number): MachineWindow => ({
  machine,
  label,
  values: new Float32Array(),
});
const answer = (label: number): Float32Array =>
  Float32Array.from({ length: 4 }, (_, at) => (at === label ? 1 : 0));

const windows = [window(1, 0), window(1, 1), window(2, 0), window(2, 1)];
const rows = [answer(0), answer(1), answer(0), answer(0)];

describe('macroF1ByMachine', () => {
  it('counts each machine alike and names the worst', () => {
    // Machine 1 is perfect. Machine 2: label 0 has F1 2/3, label 1 has 0.
    const { mean, worst } = macroF1ByMachine(rows, windows);
    expect(worst).toBeCloseTo(1 / 3, 12);
    expect(mean).toBeCloseTo(2 / 3, 12);
  });
});

describe('confusion', () => {
  it('has a row for what is true and a column for what was answered', () => {
    expect(confusion(rows, windows)).toEqual([
      [2, 0, 0, 0],
      [1, 1, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
  });
});
