/**
 * A device's word for what its lines run, under its own key: the digests over the very bytes that it has loaded, bound to
 * fleet, device, process, boot and session. Owns the form; the signature is checked by whoever enrolled the key.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, fleetIdSchema } from '../ids.ts';
import { ATTESTED_CHARACTERS_MAX } from '../limits/wire.ts';
import { perLine } from './vocabulary.ts';

/** What is signed, as JSON. */
export const attestedStateSchema = z.object({
  /** So that no signature over anything else passes for one of these. */
  is: z.literal('line-state-1'),
  fleet: fleetIdSchema,
  device: deviceIdSchema,
  session: z.int().min(1),
  /** Random per agent process. */
  instance: z.string().max(64),
  /** Boot of the machine; null where nobody knows. */
  boot: z.string().max(64).nullable(),
  lines: perLine(
    z.object({
      /** What serves; null for nothing. */
      loaded: digestSchema.nullable(),
      /** What has served through its probation; null for nothing. */
      committed: digestSchema.nullable(),
    }),
  ),
});

/** The exact string, and the signature over its UTF-8 bytes by the key that the device was enrolled with (Ed25519, base64). */
export const attestationSchema = z.object({
  signed: z.string().max(ATTESTED_CHARACTERS_MAX),
  signature: z.base64().length(88),
});

export type AttestedState = z.infer<typeof attestedStateSchema>;
export type Attestation = z.infer<typeof attestationSchema>;
