// How far the answers of a platform are from those of another, and from the golden vectors of the bundle. Pure.
import { type Golden, logitGap, tagCount, tagGap } from '@nanofleet/runtime';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import type { Answer } from './answers.ts';
import { goldenOf } from './questions.ts';

/** A bundle's answers on two platforms side by side. */
export interface Compared {
  readonly inputs: number;
  /** Inputs whose label, verdict, entities (with places and values) are the same. */
  readonly labelsEqual: number;
  readonly verdictsEqual: number;
  readonly entitiesEqual: number;
  /** Greatest absolute differences over all inputs. */
  readonly logitGap: number;
  readonly tagGap: number;
  readonly confidenceGap: number;
  readonly outOfScopeGap: number;
  /** Golden vectors, those within the bundle's tolerance, the greatest distance from one. */
  readonly golden: number;
  readonly goldenPassed: number;
  readonly goldenGap: number;
  /** Numbers of the inputs that were answered otherwise. */
  readonly others: readonly number[];
}

const most = (values: readonly number[]): number =>
  values.reduce((greatest, one) => Math.max(greatest, one), 0);

/** Compares answer by answer. @param answers the golden inputs first, as in `reference` */
export function compare(
  answers: readonly Answer[],
  { bundle, reference }: { readonly bundle: CheckedBundle; readonly reference: readonly Answer[] },
): Compared {
  const { manifest } = bundle;
  const types = manifest.task === 'text-intent' ? manifest.entities?.types : undefined;
  const tags = tagCount(types?.length ?? 0);
  const pairs = reference.map((expected, at) => ({ expected, answer: answers[at] ?? NO_ANSWER }));
  const gaps = goldenOf(bundle).cases.map((expected, at) =>
    goldenGap(answers[at] ?? NO_ANSWER, { expected, tags }),
  );
  const isOther = pairs.map((pair) => !(hasLabel(pair) && hasVerdict(pair) && hasEntities(pair)));
  return {
    inputs: pairs.length,
    labelsEqual: pairs.filter(hasLabel).length,
    verdictsEqual: pairs.filter(hasVerdict).length,
    entitiesEqual: pairs.filter(hasEntities).length,
    logitGap: most(pairs.map(({ answer, expected }) => logitGap(answer.logits, expected.logits))),
    tagGap: most(pairs.map(({ answer, expected }) => logitGap(answer.tags ?? [], expected.tags ?? []))),
    confidenceGap: most(
      pairs.map(({ answer, expected }) => logitGap([answer.confidence], [expected.confidence])),
    ),
    outOfScopeGap: most(
      pairs.map(({ answer, expected }) => logitGap([answer.outOfScope], [expected.outOfScope])),
    ),
    golden: gaps.length,
    goldenPassed: gaps.filter((gap) => gap <= manifest.golden.tolerance).length,
    goldenGap: most(gaps),
    others: isOther.flatMap((other, at) => (other ? [at] : [])),
  };
}

interface Pair {
  readonly answer: Answer;
  readonly expected: Answer;
}

const NO_ANSWER: Answer = { label: '', verdict: 'out-of-scope', confidence: 0, outOfScope: 1, logits: [] };

const hasLabel = ({ answer, expected }: Pair): boolean => answer.label === expected.label;
const hasVerdict = ({ answer, expected }: Pair): boolean => answer.verdict === expected.verdict;
const hasEntities = ({ answer, expected }: Pair): boolean =>
  JSON.stringify(answer.entities) === JSON.stringify(expected.entities);

type GoldenCase = Golden['cases'][number];

function goldenGap(
  { logits, tags: scores = [] }: Answer,
  { expected, tags }: { readonly expected: GoldenCase; readonly tags: number },
): number {
  const gap = logitGap(logits, expected.logits);
  if (!('tags' in expected) || expected.tags === undefined) return gap;
  return Math.max(gap, tagGap(Float32Array.from(scores), { tags, expected: expected.tags }));
}
