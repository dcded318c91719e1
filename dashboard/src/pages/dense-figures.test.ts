// Gaps in figures over time.
import { expect, it } from 'vitest';
import { denseFigures } from './dense-figures.ts';

const point = (at: number) => ({ at, decisions: 5, offered: 1, online: 2, p50: 1, p95: 2, p99: 3 });

it('a span of which nothing is known has no quantiles, and none is left out', () => {
  const dense = denseFigures([point(10_000), point(30_000)], { stepMs: 10_000, until: 50_000, spanS: 60 });
  expect(dense.map(({ at, p50 }) => [at, p50])).toEqual([
    [10_000, 1],
    [20_000, null],
    [30_000, 1],
    [40_000, null],
  ]);
  expect(denseFigures([], { stepMs: 10_000, until: 50_000, spanS: 60 }).length).toBe(1);
});
