/** The root of the release metadata that fleet tokens pin. Owns no token. */
import type { FleetToken, SigningKey } from '@nanofleet/protocol/node';
import { sha256Of } from '@nanofleet/protocol/node';
import type { Client } from '../client.ts';
import type { Profile } from '../profile.ts';
import { openTrust } from './open-trust.ts';

/** The newest root of the fleet, checked; undefined where the fleet has none. */
export async function rootToPin(
  client: Client,
  { key, profile }: { key: SigningKey; profile: Profile },
): Promise<FleetToken['root']> {
  const open = await openTrust(client, { key, profile });
  if (open === null) return undefined;
  return { version: open.root.signed.version, digest: sha256Of(open.root.bytes) };
}
