// A fleet for the campaign of the quality gate: each device says the sentences of its own mix of intents, and counts what
// an agent counts. How unlike the mixes are is taken from the homes of the corpus.

import { type Counts, NO_COUNTS, type Tally } from '@nanofleet/controller';
import { SeededRandom } from '@nanofleet/forge';
import type { Said } from '../../bench/parts/learning-sentences.ts';
import type { Model, Models } from './gate-models.ts';

/** Sentences by intent, as indices. */
export type ByIntent = ReadonlyMap<string, readonly number[]>;

/** Evidence of a bigger tier on a sentence: null where it is not sure itself. */
const answerOf = ({ label, verdict }: Model['decisions'][number]): string | null => {
  if (verdict === 'unsure') return null;
  return verdict === 'out-of-scope' ? 'oos' : label;
};

const opinionOf = ({ label, verdict }: Model['decisions'][number]): string =>
  verdict === 'out-of-scope' ? 'oos' : label;

/** What a device counts, with the inputs on which both models say something else; `judged` are those of them that are. */
export interface SaidCounts extends Counts {
  readonly differed: number;
}

const NOTHING_SAID: SaidCounts = { ...NO_COUNTS, differed: 0 };

/** What a device counts when it says a sentence, by model: in the order of the sentences. */
export const countsBySentence = (
  models: Pick<Models, 'old' | 'bigger'>,
  running: Model,
  isPaired: boolean,
): SaidCounts[] =>
  running.decisions.map((own, at) => {
    const before = models.old.decisions[at];
    const bigger = models.bigger.decisions[at];
    if (before === undefined || bigger === undefined) return NOTHING_SAID;
    const answer = answerOf(bigger);
    const isOffloaded = own.verdict !== 'sure';
    const isCompared = isOffloaded && answer !== null;
    const [said, saidBefore] = [opinionOf(own), opinionOf(before)];
    const isDiffering = isPaired && said !== saidBefore;
    const isJudged = isDiffering && answer !== null;
    return {
      ...NOTHING_SAID,
      decisions: 1,
      notSure: isOffloaded ? 1 : 0,
      offloaded: isOffloaded ? 1 : 0,
      compared: isCompared ? 1 : 0,
      agreed: isCompared && said === answer ? 1 : 0,
      scores: own.confidence,
      paired: isPaired ? 1 : 0,
      differed: isDiffering ? 1 : 0,
      judged: isJudged ? 1 : 0,
      newRight: isJudged && said === answer ? 1 : 0,
      oldRight: isJudged && saidBefore === answer ? 1 : 0,
    };
  });

/**
 * Concentration of the mixes per intent, by the moments of a Dirichlet distribution, from how often the homes of the corpus
 * say what: the smaller, the less alike.
 */
export const concentrationOf = (said: readonly Said[]): number => {
  const homes = [...new Set(said.map(({ home }) => home))];
  const intents = [...new Set(said.map(({ intent }) => intent))];
  const shares = homes.map((home) => {
    const own = said.filter((each) => each.home === home);
    return {
      total: own.length,
      by: intents.map((intent) => own.filter((each) => each.intent === intent).length / own.length),
    };
  });
  let [observed, expected] = [0, 0];
  intents.forEach((_, at) => {
    const values = shares.map(({ by }) => by[at] ?? 0);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
    const chance = (mean * (1 - mean)) / (shares.reduce((sum, { total }) => sum + total, 0) / shares.length);
    observed += Math.max(0, spread - chance);
    expected += mean * (1 - mean);
  });
  // The variance of a share is p(1 - p) / (total + 1).
  return (expected / observed - 1) / intents.length;
};

/** A draw of a gamma distribution (Marsaglia and Tsang 2000). */
const gamma = (random: SeededRandom, shape: number): number => {
  if (shape < 1) return gamma(random, shape + 1) * random.uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
};

/** A device: which sentences it says how often, and how fast it is. */
export class VirtualDevice {
  readonly #random: SeededRandom;
  /** Cumulated shares of intents. */
  readonly #shares: Float64Array;
  readonly #intents: readonly (readonly number[])[];
  readonly #logMicros: number;
  /** Sentences that were compared: as agents do, each once. */
  readonly #compared = new Set<number>();

  constructor(
    random: SeededRandom,
    options: { byIntent: ByIntent; concentration: number; outOfScope: number },
  ) {
    this.#random = random;
    this.#intents = [...options.byIntent.values()];
    const names = [...options.byIntent.keys()];
    const weights = names.map((name) =>
      gamma(random, options.concentration * (name === 'oos' ? names.length * options.outOfScope : 1)),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    this.#shares = Float64Array.from(weights, (weight) => (sum += weight / total));
    this.#logMicros = Math.log(60) + 0.4 * random.normal();
  }

  /** Says so many sentences. */
  say(count: number, table: readonly SaidCounts[], into: Mutable): void {
    for (let at = 0; at < count; at += 1) {
      const sentence = this.#sentence();
      const counts = table[sentence];
      if (counts === undefined) continue;
      into.decisions += 1;
      into.notSure += counts.notSure;
      into.offloaded += counts.offloaded;
      into.compared += counts.compared;
      into.agreed += counts.agreed;
      into.scores += counts.scores;
      into.latency += this.#logMicros;
      if (counts.paired === 0 || this.#compared.has(sentence)) continue;
      this.#compared.add(sentence);
      into.paired += counts.paired;
      into.differed += counts.differed;
      into.judged += counts.judged;
      into.newRight += counts.newRight;
      into.oldRight += counts.oldRight;
    }
  }

  #sentence(): number {
    const draw = this.#random.uniform();
    let [low, high] = [0, this.#shares.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#shares[middle] ?? 1) < draw) low = middle + 1;
      else high = middle;
    }
    const own = this.#intents[low] ?? [];
    return own[this.#random.below(own.length)] ?? 0;
  }
}

/** Counts that grow. */
export type Mutable = { -readonly [K in keyof SaidCounts]: SaidCounts[K] };

/** A device that has said nothing. */
export const newCounts = (): Mutable => ({ ...NOTHING_SAID });

/** As agents count: those on which both say the same by the share of the others that was judged. */
const toldOf = ({ differed, judged, ...counts }: SaidCounts): Counts => {
  const same = counts.paired - differed;
  const comparing = counts.paired > 0 ? 1 : 0;
  return {
    ...counts,
    comparing,
    judged: differed === 0 ? same : judged + Math.floor((same * judged) / differed),
  };
};

/** A tally as a device with counts has it. */
export const tallyOf = (arm: Tally['arm'], before: SaidCounts, during: SaidCounts): Tally => ({
  arm,
  before: toldOf(before),
  during: toldOf(during),
  last: null,
});
