// Owns what the card of every bundle begins and ends with. It never knows what stands between.
import type { ManifestDraft } from '@nanofleet/protocol';
import { list } from './markdown.ts';

/** The first line. */
export const titleOf = ({
  line,
  version,
  releaseCounter,
}: Pick<ManifestDraft, 'line' | 'version' | 'releaseCounter'>): string =>
  `# ${line} ${version} (release ${releaseCounter})`;

/** Title, what the model is for, and where it comes from; `origin` is what made it. */
export const cardHead = (
  manifest: Pick<ManifestDraft, 'line' | 'version' | 'releaseCounter'>,
  { about, origin, digest }: { readonly about: string; readonly origin: string; readonly digest: string },
): string[] => [titleOf(manifest), about, list([`Made by \`${origin}\`; digest \`${digest}\``])];

/** License, attribution and limits. */
export const cardFoot = (
  { license, attribution }: Pick<ManifestDraft, 'license' | 'attribution'>,
  limits: readonly string[],
): string[] => [
  '## License and attribution',
  `The weights and this card: ${license}.`,
  list(attribution),
  '## Limits',
  list(limits),
];
