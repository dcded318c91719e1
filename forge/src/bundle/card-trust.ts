// Owns what a card says of how far a model's answers are trusted: temperature, scores, thresholds, and the bound that they were
// certified to keep. It never chooses a threshold.
import type { ManifestDraft } from '@nanofleet/protocol';
import { clopperPearsonUpper, shareOfDelta } from '@nanofleet/runtime';
import { list, percent } from './markdown.ts';

type Trusted = Pick<ManifestDraft, 'calibration' | 'thresholds'>;
type Bound = NonNullable<Trusted['thresholds']['bound']>;

const KINDS = {
  'max-logit': 'greatest logit',
  energy: 'log of the sum of exponentials of the logits',
  'max-probability': 'confidence',
} as const;

/** The facts as a list. `coverage` is the recipe's. */
export function trustFacts(
  { calibration, thresholds }: Trusted,
  coverage: { readonly inScope: number; readonly sure: number },
): string {
  const { kind, scale, bias } = calibration.outOfScope;
  return list([
    `Confidence: the greatest softmax at temperature ${calibration.temperature.toFixed(3)}`,
    `Out-of-scope score: 1 / (1 + e^-(${scale} · raw + ${bias})) of the ${KINDS[kind]} (\`${kind}\`), before the temperature unless it is the confidence`,
    `Called out of scope from a score of ${thresholds.outOfScope.toFixed(3)}; otherwise sure from a confidence of ${spanOf(thresholds.confidence)}`,
    ...(thresholds.bound === undefined
      ? [
          `No bound is promised: the thresholds let ${percent(coverage.inScope)} of the validation texts pass as in scope, ${percent(coverage.sure)} as sure`,
        ]
      : boundFacts(thresholds.bound)),
  ]);
}

function spanOf(confidence: readonly number[]): string {
  const [low, high] = [Math.min(...confidence), Math.max(...confidence)];
  return low === high ? low.toFixed(3) : `${low.toFixed(3)} to ${high.toFixed(3)}, by label`;
}

function boundFacts({ wrongKept, outOfScopeKept, delta, next, certifiedWith }: Bound): string[] {
  const { inScopeKept, wrong, outOfScope, outOfScopeKept: kept } = certifiedWith;
  const shares = shareOfDelta(delta);
  const wrongUpper = clopperPearsonUpper(wrong, { count: inScopeKept, delta: shares.wrongKept });
  const keptUpper = clopperPearsonUpper(kept, { count: outOfScope, delta: shares.outOfScopeKept });
  return [
    `Bound: at most ${percent(wrongKept)} of the in-scope answers that are sure are wrong, at most ${percent(outOfScopeKept)} of out-of-scope texts are sure; both but with a chance of ${percent(delta)}, whatever share of the texts is out of scope`,
    ...(next === undefined
      ? []
      : [
          `It is promised of what is counted of the next ${next.inScope} in-scope and ${next.outOfScope} out-of-scope texts, too`,
        ]),
    `Certified with ${wrong} wrong of ${inScopeKept} in-scope texts kept (at most ${percent(wrongUpper)} after Clopper and Pearson) and ${kept} of ${outOfScope} out-of-scope texts kept (at most ${percent(keptUpper)})`,
  ];
}
