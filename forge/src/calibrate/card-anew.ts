// Owns the card of a bundle whose thresholds were made anew: what is said of trust, digest, size and release; the rest stays as it is.
// It never computes a figure.
import { type Manifest, type ManifestDraft, NanofleetError } from '@nanofleet/protocol';
import { titleOf } from '../bundle/card-frame.ts';
import { trustFacts } from '../bundle/card-trust.ts';

const HEADING = '## Trust\n';

/** What is new of a bundle. */
export interface CardChanges {
  readonly before: { readonly digest: string; readonly manifest: Manifest };
  readonly manifest: Pick<
    ManifestDraft,
    'line' | 'version' | 'releaseCounter' | 'calibration' | 'thresholds'
  >;
  readonly coverage: { readonly inScope: number; readonly sure: number };
  readonly digest: string;
  /** Size of the whole bundle, manifest included. */
  readonly bytes: number;
}

/** The text of the new card. @throws NanofleetError TRAINING_SET_INVALID if the old one is not a card of this bundle */
export function cardAnew(card: string, { before, manifest, coverage, digest, bytes }: CardChanges): string {
  const start = card.indexOf(HEADING);
  const end = card.indexOf('\n## ', start);
  if (start === -1 || end === -1 || !card.includes(before.digest)) {
    throw new NanofleetError(
      'TRAINING_SET_INVALID',
      `CARD.md does not name the digest ${before.digest} or has no section "Trust": it is not the card that was made with this bundle.`,
    );
  }
  const trust = `${HEADING}\n${trustFacts(manifest, coverage)}\n`;
  return (card.slice(0, start) + trust + card.slice(end))
    .replace(titleOf(before.manifest), titleOf(manifest))
    .replace(before.digest, digest)
    .replace(/\d+ bytes altogether/, `${bytes} bytes altogether`);
}
