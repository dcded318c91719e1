import { describe, expect, it } from 'vitest';
import {
  differenceOf,
  type HeadDifference,
  headWith,
  normOf,
  quantizeDifference,
  valuesOf,
} from './head-update.ts';
import { normalOf, seededShares } from './seeded-shares.ts';

const share = seededShares(7);
const normals = (length: number, deviation = 1): Float32Array =>
  Float32Array.from({ length }, () => deviation * normalOf(share));
const difference = (): HeadDifference => [normals(600, 0.02), normals(30, 0.1)];
const gap = (left: HeadDifference, right: HeadDifference): number =>
  normOf(left.map((tensor, index) => tensor.map((value, at) => value - (right[index]?.[at] ?? 0))));

describe('quantizeDifference', () => {
  it('says what was meant, up to half a code on average, and keeps the rest', () => {
    const meant = difference();
    const { tensors, residue } = quantizeDifference(meant, { clipNorm: 100, share });
    const said = tensors.map(valuesOf);
    expect(gap(said, meant) / normOf(meant)).toBeLessThan(0.02);
    const whole = said.map((tensor, index) => tensor.map((value, at) => value + (residue[index]?.[at] ?? 0)));
    expect(gap(whole, meant)).toBeLessThan(1e-6);
  });

  it('clips over all tensors together, also what rounding added', () => {
    for (let turn = 0; turn < 20; turn += 1) {
      const meant = difference();
      const { tensors, norm } = quantizeDifference(meant, { clipNorm: 0.1, share });
      expect(norm).toBeCloseTo(normOf(meant), 4);
      expect(normOf(tensors.map(valuesOf))).toBeLessThanOrEqual(0.1);
      expect(normOf(tensors.map(valuesOf))).toBeGreaterThan(0.099);
    }
  });

  it('is right in the mean, where rounding to the nearest would always lose the small ones', () => {
    const meant = [Float32Array.of(1, 0.002, -0.002)];
    const sums = new Float64Array(3);
    for (let turn = 0; turn < 4_000; turn += 1) {
      const [said] = quantizeDifference(meant, { clipNorm: 10, share }).tensors.map(valuesOf);
      said?.forEach((value, at) => (sums[at] = (sums[at] ?? 0) + value / 4_000));
    }
    expect(sums[1]).toBeCloseTo(0.002, 3);
    expect(sums[2]).toBeCloseTo(-0.002, 3);
    expect(Math.abs(sums[1] ?? 0)).toBeGreaterThan(0.001);
  });

  it('says over several updates what one could not, because the residue goes along', () => {
    const meant = [Float32Array.of(1, 0.0031, -0.0017)];
    let residue: HeadDifference | undefined;
    const sums = new Float64Array(3);
    for (let turn = 0; turn < 50; turn += 1) {
      const update = quantizeDifference(meant, { clipNorm: 10, residue, share });
      residue = update.residue;
      update.tensors.map(valuesOf)[0]?.forEach((value, at) => (sums[at] = (sums[at] ?? 0) + value));
    }
    expect(Math.abs((sums[1] ?? 0) - 50 * 0.0031)).toBeLessThan(0.01);
    expect(Math.abs((sums[2] ?? 0) + 50 * 0.0017)).toBeLessThan(0.01);
  });

  it('leaves a residue of another size out, as after a label was added', () => {
    const meant = [Float32Array.of(0.5, -0.5)];
    const { tensors } = quantizeDifference(meant, {
      clipNorm: 10,
      residue: [new Float32Array(3).fill(9)],
      share,
    });
    expect(gap(tensors.map(valuesOf), meant)).toBeLessThan(0.01);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (value) => {
    const tensors = [Float32Array.of(0, value), Float32Array.of(0)];
    expect(() => quantizeDifference(tensors, { clipNorm: 1, share })).toThrow(
      expect.objectContaining({ code: 'UPDATE_NOT_FINITE' }),
    );
  });

  it('gives codes of nothing for a difference of nothing', () => {
    const { tensors } = quantizeDifference([new Float32Array(4), new Float32Array(2)], {
      clipNorm: 1,
      share,
    });
    expect(tensors).toEqual([
      { scale: 1, codes: new Int8Array(4) },
      { scale: 1, codes: new Int8Array(2) },
    ]);
  });
});

describe('headWith', () => {
  it('turns a start and an update into what was trained', () => {
    const start = { width: 20, classes: 30, weight: normals(600), bias: normals(30) };
    const trained = { ...start, weight: start.weight.map((value) => value + 0.01 * normalOf(share)) };
    const { tensors } = quantizeDifference(differenceOf(trained, start), { clipNorm: 100, share });
    expect(normOf(differenceOf(headWith(start, tensors), trained))).toBeLessThan(0.01);
  });
});
