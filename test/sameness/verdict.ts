// From the answers of all bundles on a platform to whether they are the same there, and the figures that say how far off they are. Pure.
import type { AnswerPair } from './answers.ts';
import type { Asked } from './campaign.ts';
import { type Compared, compare } from './compare.ts';

/** A bundle on a platform beside the reference. */
export interface BundleCompared extends Compared {
  readonly name: string;
  readonly tolerance: number;
  /** What stretching the weights to eight bits does on this very platform: greatest difference of a logit, labels that change. */
  readonly stretchedGap: number;
  readonly stretchedLabelsLost: number;
}

/** Compares, bundle by bundle, a platform with the reference. */
export function comparedBundles(
  asked: readonly Pick<Asked, 'bundle' | 'name'>[],
  { rows, reference }: Record<'rows' | 'reference', readonly AnswerPair[]>,
): BundleCompared[] {
  return asked.map(({ bundle, name }, at) => {
    const [own, stretched] = rows[at] ?? [[], []];
    const [expected] = reference[at] ?? [[]];
    const strained = compare(stretched, { bundle, reference: own.slice(0, stretched.length) });
    return {
      name,
      tolerance: bundle.manifest.golden.tolerance,
      ...compare(own, { bundle, reference: expected }),
      stretchedGap: strained.logitGap,
      stretchedLabelsLost: strained.inputs - strained.labelsEqual,
    };
  });
}

/** Whether a bundle is the same there: each label, golden vectors, scores within the bundle's own tolerance. */
export const isSame = (one: BundleCompared): boolean =>
  one.labelsEqual === one.inputs &&
  one.goldenPassed === one.golden &&
  Math.max(one.logitGap, one.tagGap) <= one.tolerance;

/** Sums and greatest gaps over the bundles of a platform. */
export type Figures = ReturnType<typeof figuresOf>;

/** Figures of a platform. */
export const figuresOf = (bundles: readonly BundleCompared[]) => ({
  inputs: sum(bundles, 'inputs'),
  labelsEqual: sum(bundles, 'labelsEqual'),
  verdictsEqual: sum(bundles, 'verdictsEqual'),
  entitiesEqual: sum(bundles, 'entitiesEqual'),
  others: bundles.reduce((total, one) => total + one.others.length, 0),
  golden: sum(bundles, 'golden'),
  goldenPassed: sum(bundles, 'goldenPassed'),
  goldenGap: most(bundles, 'goldenGap'),
  logitGap: most(bundles, 'logitGap'),
  tagGap: most(bundles, 'tagGap'),
  confidenceGap: most(bundles, 'confidenceGap'),
  outOfScopeGap: most(bundles, 'outOfScopeGap'),
  stretchedGap: most(bundles, 'stretchedGap'),
  stretchedLabelsLost: sum(bundles, 'stretchedLabelsLost'),
});

type Numeric = {
  [Key in keyof BundleCompared]: BundleCompared[Key] extends number ? Key : never;
}[keyof BundleCompared];

const sum = (bundles: readonly BundleCompared[], of: Numeric): number =>
  bundles.reduce((total, one) => total + one[of], 0);

/** With two digits: more of a greatest difference say nothing. */
const most = (bundles: readonly BundleCompared[], of: Numeric): number =>
  Number(Math.max(...bundles.map((one) => one[of])).toPrecision(2));
