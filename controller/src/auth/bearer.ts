/** Secrets in transit: the bearer of an Authorization header, hashes of secrets, comparing them. Never logs one. */
import { timingSafeEqual } from 'node:crypto';
import { NanofleetError } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';

/**
 * What follows `Bearer` in an Authorization header.
 * @throws NanofleetError TOKEN_MISSING
 */
export const bearerOf = (header: string | undefined): string => {
  const match = /^Bearer +(\S+)$/i.exec(header ?? '');
  if (match?.[1] !== undefined) return match[1];
  throw new NanofleetError(
    'TOKEN_MISSING',
    'No token was given; send the header "Authorization: Bearer nfo_…" (nanofleet login keeps it).',
  );
};

/** Whether a secret has this hash, in the same time for any wrong one. */
export const fitsHash = (secret: string, hash: string): boolean => {
  const given = Buffer.from(sha256Of(secret), 'hex');
  const expected = Buffer.from(hash, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
};

/** Whether a secret is the one that is known here, in the same time for any wrong one. */
export const fitsSecret = (secret: string, known: string): boolean => fitsHash(secret, sha256Of(known));

/** What a device logs in with where no certificate says who it is. */
export interface DeviceLogin {
  readonly clientId: string;
  readonly credential: string;
}

/** Client id and credential in the bearer of a device: `{clientId}:{credential}`. */
export const deviceLoginOf = (authorization: string | undefined): DeviceLogin => {
  const bearer = bearerOf(authorization);
  const colon = bearer.indexOf(':');
  return { clientId: bearer.slice(0, Math.max(0, colon)), credential: bearer.slice(colon + 1) };
};
