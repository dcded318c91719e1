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

/**
 * What came of an input that the version before ran, too: both said the same; or not, and then a bigger tier found one of
 * them right, or neither, or did not say.
 */
export type PairOutcome = 'same' | 'new' | 'old' | 'neither' | 'unknown';

type Counts = Omit<Figures, 'micros' | 'scores' | 'pairs'>;
type PairCounts = Record<PairOutcome | 'open', number>;

interface Kept {
  readonly digest: string;
  readonly counts: Counts;
  readonly scores: number[];
  readonly latencies: LatencySteps;
  pairs: PairCounts | null;
}

const fresh = (digest: string): Kept => ({
  digest,
  counts: { decisions: 0, unsure: 0, outOfScope: 0, offloaded: 0, compared: 0, agreed: 0, errors: 0 },
  scores: Array.from({ length: SCORE_BINS }, () => 0),
  latencies: new LatencySteps(),
  pairs: null,
});

/** The figures of all lines. */
export class LineFigures {
  readonly #lines = new Map<string, Kept>();
  readonly #mayCompare: () => boolean;

  /** @param mayCompare whether a bigger tier may be asked, at this moment */
  constructor(mayCompare: () => boolean = () => true) {
    this.#mayCompare = mayCompare;
  }

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

  /** A bigger tier has answered about a decision. */
  answered(decision: Decision, response: OffloadResponse): void {
    if (!isKnown(response)) return;
    this.#add(decision, 'compared');
    if (isSameAnswer(decision, response)) this.#add(decision, 'agreed');
  }

  /** The version before runs beside this one, or is to. */
  paired(doer: Doer): void {
    const kept = this.#of(doer);
    if (kept !== null) kept.pairs ??= { same: 0, new: 0, old: 0, neither: 0, unknown: 0, open: 0 };
  }

  /** It does not; what it has said until now counts. */
  unpaired(doer: Doer): void {
    const kept = this.#of(doer);
    if (kept?.pairs && pairsOf(kept.pairs).inputs === 0) kept.pairs = null;
  }

  /** Both have run an input and said something else; a bigger tier is asked. */
  pairOpened(doer: Doer): void {
    const pairs = this.#of(doer)?.pairs;
    if (pairs) pairs.open += 1;
  }

  /** What came of an input that both have run. @param wasOpen whether it was told to be open */
  pairSettled(doer: Doer, outcome: PairOutcome, { wasOpen = false } = {}): void {
    const pairs = this.#of(doer)?.pairs;
    if (!pairs) return;
    pairs[outcome] += 1;
    if (wasOpen) pairs.open -= 1;
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
    const figures = { ...kept.counts, micros: kept.latencies.quantiles(), scores: [...kept.scores] };
    const pairs = kept.pairs === null ? null : pairsOf(kept.pairs);
    // Where nothing may be asked nothing is compared, and nobody is to wait for it.
    if (pairs === null || (pairs.inputs === 0 && !this.#mayCompare())) return figures;
    return { ...figures, pairs };
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

/**
 * Those on which both said the same count by the share of the others that was judged: else a bigger tier that says little
 * would make any loss look small.
 */
const pairsOf = (counts: PairCounts): NonNullable<Figures['pairs']> => {
  const { neither, new: newRight, old: oldRight, open, same, unknown } = counts;
  const known = newRight + oldRight + neither;
  const differed = known + unknown + open;
  const judged = differed === 0 ? same : known + Math.floor((same * known) / differed);
  return { inputs: same + differed, judged, newRight, oldRight };
};

/** What is compared of an answer. */
export type Opinion = Pick<Outcome, 'verdict'> & { readonly label: string | null };

/** The best label counts even where the device was not sure of it; "none of the labels" agrees only with itself. */
export const isSameAnswer = (own: Opinion, answer: Opinion): boolean =>
  own.verdict === 'out-of-scope' || answer.verdict === 'out-of-scope'
    ? own.verdict === answer.verdict
    : own.label === answer.label;

/** Whether a bigger tier knew; one that does not compares with nothing. */
export const isKnown = ({ tier, verdict }: OffloadResponse): boolean => tier !== null && verdict !== 'unsure';
