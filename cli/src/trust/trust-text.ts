/** Release metadata in words: how it stands, and what a proposal changes. Owns no document. */
import type { MetadataDocument, Target, Trust } from '@nanofleet/protocol';
import { shortDigest, timeText } from '../units.ts';

/** How it stands, line by line. */
export const trustLines = ({ devices, roles, targets }: Trust): string[] => {
  if (roles.length === 0)
    return ['This fleet has no release metadata: devices go by the signature on each bundle alone.'];
  const lines = roles.map(({ expiresAt, keyIds, role, threshold, version }) => {
    const who = keyIds.map(shortDigest).join(', ');
    return `${role.padEnd(10)} version ${version}, until ${timeText(expiresAt)}, ${threshold} of ${keyIds.length}: ${who}`;
  });
  const { behind, following, names } = devices;
  const missing = behind === 0 ? '' : ` Not yet: ${names.join(', ')}${behind > names.length ? ' …' : ''}.`;
  return [
    ...lines,
    targets === 1 ? '1 release is listed.' : `${targets} releases are listed.`,
    `${following} of ${following + behind} devices have followed the newest root.${missing}`,
  ];
};

const nameOf = ({ custom }: Target): string =>
  custom.kind === 'agent'
    ? `agent ${custom.version}`
    : `${custom.line} ${custom.version} (release ${custom.releaseCounter}, ${custom.hardware})`;

/** What targets say beyond those before. */
export const changeLines = (
  before: MetadataDocument<'targets'> | null,
  after: MetadataDocument<'targets'>,
): string[] => {
  const [old, fresh] = [before?.signed.targets ?? {}, after.signed.targets];
  const added = Object.entries(fresh).filter(
    ([path, target]) => JSON.stringify(old[path]) !== JSON.stringify(target),
  );
  const gone = Object.entries(old).filter(([path]) => fresh[path] === undefined);
  return [
    ...added.map(([, target]) => `lists      ${nameOf(target)} ${shortDigest(target.hashes.sha256)}`),
    ...gone.map(([, target]) => `withdraws  ${nameOf(target)} ${shortDigest(target.hashes.sha256)}`),
  ];
};
