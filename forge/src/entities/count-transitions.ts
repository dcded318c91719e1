// Owns what the order of entities in texts says: how likely each type follows another, as costs for decoding. Pure.
import { TextFeatures } from '@nanofleet/runtime';
import { tagsOfEntities } from './annotated-texts.ts';
import { countSteps } from './tag-steps.ts';
import type { TaggerShape } from './tagger.ts';
import type { TaggerTexts } from './tagger-batches.ts';

/** Imagined followers of each state, in the proportions of all: a pair that was never seen is unlikely, not impossible. */
const IMAGINED = 3;

/**
 * Scores [1 + types, 2 + types] as `Transitions` of the runtime has them: `weight` times the logarithm of the share with which
 * each state follows each. A weight far below 1 is right, as the scores of tags know most of it already.
 */
export function countTransitions(
  { texts, types }: Pick<TaggerTexts, 'texts' | 'types'>,
  { features, weight }: { readonly features: TaggerShape['features']; readonly weight: number },
): Float32Array {
  const width = types.length + 2;
  const counts = new Float64Array((types.length + 1) * width);
  const reader = new TextFeatures(features);
  for (const { text, entities } of texts) {
    const { bounds } = reader.withTokens(text);
    countSteps(tagsOfEntities(entities, { bounds, types }), { counts, types: types.length });
  }
  const all = Float64Array.from({ length: width }, (_, to) =>
    counts.reduce((sum, count, at) => (at % width === to ? sum + count : sum), 0),
  );
  const total = all.reduce((sum, count) => sum + count, 0);
  return Float32Array.from(counts, (count, at) => {
    const row = counts.subarray(at - (at % width), at - (at % width) + width);
    const seen = row.reduce((sum, one) => sum + one, 0);
    const imagined = (IMAGINED * (all[at % width] ?? 0)) / Math.max(total, 1);
    return weight * Math.log(Math.max((count + imagined) / (seen + IMAGINED), 1e-6));
  });
}
