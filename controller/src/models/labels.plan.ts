/**
 * The label list of a line as one bundle sees it: its own names, then what was allocated since. Pure. Versions of a list
 * only grow, whatever is added or taken back: heads and statistics of different lists never mix.
 */
import { LABELS_ADDED_MAX, LABELS_MAX, type LineId, NanofleetError } from '@nanofleet/protocol';

/** An allocation. */
export interface AllocatedLabel {
  readonly version: number;
  readonly name: string;
  readonly removedVersion: number | null;
}

/** The names that a bundle has, and the version of that list. */
export interface BundleLabels {
  readonly version: number;
  readonly names: readonly string[];
}

/** The newest version of a list, and the labels beyond the bundle in the order of their head rows. */
export const labelListOf = (
  bundle: BundleLabels,
  allocated: readonly AllocatedLabel[],
): { version: number; added: string[] } => {
  const versions = allocated.flatMap(({ version, removedVersion }) => [version, removedVersion ?? 0]);
  const added = allocated
    .filter(({ name, removedVersion }) => removedVersion === null && !bundle.names.includes(name))
    .sort((left, right) => left.version - right.version)
    .map(({ name }) => name);
  return { version: Math.max(bundle.version, ...versions), added };
};

/**
 * The version that a list gets with a new label.
 * @throws NanofleetError LABEL_TAKEN, LABELS_TOO_MANY
 */
export const versionWith = (
  name: string,
  list: { line: LineId; bundles: readonly BundleLabels[]; allocated: readonly AllocatedLabel[] },
): number => {
  const { allocated, bundles, line } = list;
  const isTaken =
    bundles.some(({ names }) => names.includes(name)) ||
    allocated.some((label) => label.name === name && label.removedVersion === null);
  if (isTaken) {
    throw new NanofleetError('LABEL_TAKEN', `The line ${line} has a label ${name} already.`, {
      facts: { name },
    });
  }
  for (const bundle of bundles) {
    const { added } = labelListOf(bundle, allocated);
    if (added.length < LABELS_ADDED_MAX && bundle.names.length + added.length < LABELS_MAX) continue;
    throw new NanofleetError(
      'LABELS_TOO_MANY',
      `The line ${line} has ${bundle.names.length} labels and ${added.length} more wait for a round; at most ${LABELS_ADDED_MAX} may wait and ${LABELS_MAX} be there. Run a round and push its candidate first.`,
      { facts: { labels: bundle.names.length, waiting: added.length } },
    );
  }
  return 1 + Math.max(...bundles.map((bundle) => labelListOf(bundle, allocated).version));
};
