/** The text of a fleet token out of what the controller made, with whom devices pin by it. Never asks the controller. */
import type { ApiAnswer, Digest, Whoami } from '@nanofleet/protocol';
import { encodeFleetToken, type FleetToken } from '@nanofleet/protocol/node';

/** What goes into a token beside what the controller says of itself. */
export interface TokenParts {
  /** Fingerprint of the key whose models devices run. */
  readonly publisher: Digest;
  /** Left out where the fleet has no release metadata. */
  readonly root?: FleetToken['root'];
  readonly made: Pick<ApiAnswer<'makeFleetToken'>, 'id' | 'secret' | 'expiresAt'>;
  /** Behind a proxy with a certificate of its own, devices are to trust what their system trusts: the operator says so. */
  readonly isSystemTrusted: boolean;
}

/** `nft1_…` */
export const tokenFor = (who: Whoami, { isSystemTrusted, made, publisher, root }: TokenParts): string => {
  const pinned = isSystemTrusted ? null : (who.authorityKeyId ?? null);
  return encodeFleetToken({
    fleet: who.fleet,
    url: who.deviceUrl,
    tokenId: made.id,
    secret: made.secret,
    publisher,
    controller: who.controllerKeyId,
    ...(pinned === null ? {} : { authority: pinned }),
    ...(root === undefined ? {} : { root }),
    expiresAt: made.expiresAt,
  });
};
