/**
 * Whether the share of decisions that were sent on has leapt: a sign that a model meets what it does not know. Pure.
 * Three times the usual share, and three standard errors above it, so that a quiet fleet raises no alarm.
 */
import type { FigurePoint } from '@nanofleet/protocol';

const TIMES = 3;
const STANDARD_ERRORS = 3;
const DECISIONS_MIN = 30;
/** A share of zero is no measure; a little is added to both counts (Agresti and Coull, 1998). */
const ADDED = 2;

/** What a leap looks like. */
export interface Spike {
  readonly share: number;
  readonly usual: number;
}

const totals = (points: readonly FigurePoint[]) => ({
  decisions: points.reduce((sum, { decisions }) => sum + decisions, 0),
  offered: points.reduce((sum, { offered }) => sum + offered, 0),
});

/** The leap of `recent` against `before`; null when there is none. */
export const spikeOf = (before: readonly FigurePoint[], recent: readonly FigurePoint[]): Spike | null => {
  const then = totals(before);
  const now = totals(recent);
  if (then.decisions < DECISIONS_MIN || now.decisions < DECISIONS_MIN) return null;
  const usual = (then.offered + ADDED) / (then.decisions + 2 * ADDED);
  const share = now.offered / now.decisions;
  const standardError = Math.sqrt((usual * (1 - usual)) / now.decisions);
  const isLeap = share > usual * TIMES && share > usual + STANDARD_ERRORS * standardError;
  return isLeap ? { share, usual } : null;
};
