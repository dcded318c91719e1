// Owns class prototypes: the mean penultimate features of each label. It never runs a model.
import type { Prototypes } from '@nanofleet/runtime';

/** Means by class; a class without an example has count 0 and zeros. */
export function prototypesOf(
  features: Iterable<{ readonly label: number; readonly penultimate: Float32Array }>,
  { classes, width }: { readonly classes: number; readonly width: number },
): Prototypes {
  const counts = new Uint32Array(classes);
  const sums = new Float64Array(classes * width);
  for (const { label, penultimate } of features) {
    counts[label] = (counts[label] ?? 0) + 1;
    penultimate.forEach(
      (feature, at) => (sums[label * width + at] = (sums[label * width + at] ?? 0) + feature),
    );
  }
  return {
    counts,
    width,
    means: Float32Array.from(sums, (sum, at) => sum / Math.max(counts[Math.floor(at / width)] ?? 0, 1)),
  };
}
