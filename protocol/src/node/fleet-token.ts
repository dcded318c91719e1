/**
 * Owns the text form of a fleet token: what an operator hands to a device so that it may enrol and knows whom to trust.
 * Never makes randomness, never asks a controller, and never decides whether a token has expired (its reader compares the time).
 */
import { z } from 'zod';
import { NanofleetError } from '../errors.ts';
import { digestSchema, fleetIdSchema } from '../ids.ts';

const PREFIX = 'nft1_';
/** Characters of a token; a real one has about 500. */
const TOKEN_LENGTH_MAX = 2048;

/** A root of the publishers' metadata, byte for byte. */
export const pinnedRootSchema = z.object({ version: z.int().min(1), digest: digestSchema });

const fleetTokenSchema = z.object({
  fleet: fleetIdSchema,
  /** Address of the controller's HTTP listener; enrolment tells the rest. */
  url: z.url({ protocol: /^https?$/ }).max(512),
  tokenId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  secret: z.string().regex(/^[A-Za-z0-9_-]{16,128}$/),
  /** Fingerprint of the key that signs models. */
  publisher: digestSchema,
  /** Fingerprint of the key that signs desired states and enrolment answers. */
  controller: digestSchema,
  /**
   * SHA-256 of the public key (SubjectPublicKeyInfo) of the authority whose certificates the controller and its broker
   * have; left out where the device is to trust what its system trusts, and in tokens of earlier releases.
   */
  authority: digestSchema.optional(),
  /**
   * The newest root of the publishers' metadata when the token was made: a device with it takes nothing that the publishers have not
   * listed. Left out where the fleet has none, and in tokens of earlier releases.
   */
  root: pinnedRootSchema.optional(),
  /** Milliseconds since 1970. */
  expiresAt: z.int().min(0),
});

/** The content of a fleet token. */
export type FleetToken = z.infer<typeof fleetTokenSchema>;

/** Writes a token as one word that survives shells, URLs and copying: `nft1_` and base64url. */
export function encodeFleetToken(token: z.input<typeof fleetTokenSchema>): string {
  const encoded = `${PREFIX}${Buffer.from(JSON.stringify(token), 'utf8').toString('base64url')}`;
  decodeFleetToken(encoded);
  return encoded;
}

/**
 * Reads a token that a person pasted; white space around it is ignored.
 * @throws NanofleetError `FLEET_TOKEN_MALFORMED`; the message never quotes the token.
 */
export function decodeFleetToken(text: string): FleetToken {
  const refuse = (why: string) =>
    new NanofleetError(
      'FLEET_TOKEN_MALFORMED',
      `The fleet token was refused: ${why}. Copy it whole, or make a new one.`,
    );
  const word = text.trim();
  if (!word.startsWith(PREFIX)) throw refuse(`it does not begin with ${PREFIX}`);
  if (word.length > TOKEN_LENGTH_MAX) throw refuse(`it is longer than ${TOKEN_LENGTH_MAX} characters`);
  if (!/^[A-Za-z0-9_-]+$/.test(word)) throw refuse('it holds a character that no token has');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(word.slice(PREFIX.length), 'base64url').toString('utf8'));
  } catch {
    // The parser's message would quote the secret.
    throw refuse('a part of it is missing or changed');
  }
  const parsed = fleetTokenSchema.safeParse(value);
  if (!parsed.success) throw refuse(`its field ${parsed.error.issues[0]?.path.join('.') ?? ''} is not valid`);
  return parsed.data;
}
