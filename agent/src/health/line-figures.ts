/**
 * Counts per line what the version that runs there has done since it began to run in this process. Owns the counters;
 * what belongs to a version that was replaced is left out. Never holds an input.
 */
import {
  type Beat,
  type Decision,
  type LineFigures as Figures,
  type OffloadResponse,
  SCORE_BINS,
  type Verdict,
} from '@nanofleet/protocol';
import { LatencySteps } from './latency-steps.ts';

/** Whose figures: a line, and the version that did something. */
export type Doer = Pick<Decision, 'line' | 'digest'>;

/** What of a decision is counted. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly confidence: number;
}

type Counts = Omit<Figures, 'micros' | 'scores' | 'pairs'>;

interface Kept {
  readonly digest: string;
  readonly counts: Counts;
  readonly scores: number[];
  readonly latencies: LatencySteps;
}

const fresh = (digest: string): Kept => ({
  digest,
  counts: { decisions: 0, unsure: 0, outOfScope: 0, offloaded: 0, compared: 0, agreed: 0, errors: 0 },
  scores: Array.from({ length: SCORE_BINS }, () => 0),
  latencies: new LatencySteps(),
});

/** The figures of all lines. */
export class LineFigures {
  readonly #lines = new Map<string, Kept>();

  /** A line runs this version from now on; the same one goes on counting. */
  began({ line, digest }: Doer): void {
    if (this.#lines.get(line)?.digest !== digest) this.#lines.set(line, fresh(digest));
  }

  decided(doer: Doer, { verdict, confidence }: Outcome, micros: number): void {
    const kept = this.#of(doer);
    if (kept === null) return;
    kept.counts.decisions += 1;
    if (verdict === 'unsure') kept.counts.unsure += 1;
    if (verdict === 'out-of-scope') kept.counts.outOfScope += 1;
    const bin = Math.min(SCORE_BINS - 1, Math.floor(confidence * SCORE_BINS));
    kept.scores[bin] = (kept.scores[bin] ?? 0) + 1;
    kept.latencies.add(micros);
  }

  offloaded(doer: Doer): void {
    this.#add(doer, 'offloaded');
  }

  failed(doer: Doer): void {
    this.#add(doer, 'errors');
  }

  /** A bigger tier has answered about a decision; one that does not know either compares with nothing. */
  answered(decision: Decision, response: OffloadResponse): void {
    const isKnown = response.tier !== null && response.verdict !== 'unsure';
    if (!isKnown) return;
    this.#add(decision, 'compared');
    if (isSameAnswer(decision, response)) this.#add(decision, 'agreed');
  }

  /** The lines of a beat with their figures. */
  onto(lines: Beat['lines']): Beat['lines'] {
    return Object.fromEntries(
      Object.entries(lines).map(([line, running]) => {
        const figures = this.#figures({ line: line as Doer['line'], digest: running.digest });
        return [line, figures === null ? running : { ...running, figures }];
      }),
    );
  }

  #figures(doer: Doer): Figures | null {
    const kept = this.#of(doer);
    if (kept === null) return null;
    return { ...kept.counts, micros: kept.latencies.quantiles(), scores: [...kept.scores] };
  }

  #add(doer: Doer, what: keyof Counts): void {
    const kept = this.#of(doer);
    if (kept !== null) kept.counts[what] += 1;
  }

  #of({ line, digest }: Doer): Kept | null {
    const kept = this.#lines.get(line);
    return kept?.digest === digest ? kept : null;
  }
}

/** The best label counts even where the device was not sure of it; "none of the labels" agrees only with itself. */
const isSameAnswer = (own: Decision, answer: OffloadResponse): boolean =>
  own.verdict === 'out-of-scope' || answer.verdict === 'out-of-scope'
    ? own.verdict === answer.verdict
    : own.label === answer.label;
