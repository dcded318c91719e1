/** Figures with a point for every span: what the controller left out, because nothing was known, becomes a gap. Pure. */
import type { FigurePoint } from '@nanofleet/protocol';

const unknownAt = (at: number): FigurePoint => ({
  at,
  decisions: 0,
  offered: 0,
  online: null,
  p50: null,
  p95: null,
  p99: null,
});

/** One point per span, from the first that is known on. */
export const denseFigures = (
  points: readonly FigurePoint[],
  range: { readonly stepMs: number; readonly until: number; readonly spanS: number },
): FigurePoint[] => {
  const { spanS, stepMs, until } = range;
  const known = new Map(points.map((point) => [point.at, point]));
  const first = Math.max(points[0]?.at ?? until - stepMs, until - spanS * 1_000);
  const count = Math.max(0, Math.round((until - first) / stepMs));
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * stepMs;
    return known.get(at) ?? unknownAt(at);
  });
};
