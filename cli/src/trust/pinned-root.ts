/** The root of the release metadata that fleet tokens pin. Owns no token. */
import type { FleetToken, SigningKey } from '@nanofleet/protocol/node';
import { sha256Of } from '@nanofleet/protocol/node';
import type { Client } from '../client.ts';
import type { Profile } from '../profile.ts';
import type { Terminal } from '../terminal.ts';
import { openTrust } from './open-trust.ts';

/** The newest root of the fleet, checked; undefined where the fleet has none, which is said. */
export async function rootToPin(
  client: Client,
  { key, profile, terminal }: { key: SigningKey; profile: Profile; terminal: Terminal },
): Promise<FleetToken['root']> {
  const open = await openTrust(client, { key, profile });
  if (open === null) {
    terminal.note('The token pins no root: this fleet has no release metadata. Before: nanofleet trust init');
    return undefined;
  }
  return { version: open.root.signed.version, digest: sha256Of(open.root.bytes) };
}
