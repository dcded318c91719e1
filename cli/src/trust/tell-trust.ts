/** How commands begin with release metadata and tell what came of it. Owns no rule. */
import { NanofleetError } from '@nanofleet/protocol';
import type { SigningKey } from '@nanofleet/protocol/node';
import type { Client } from '../client.ts';
import type { Context } from '../command.ts';
import { type OpenTrust, openTrust } from './open-trust.ts';
import type { Proposed } from './release.ts';
import { trustLines } from './trust-text.ts';

/** Shows what came of a proposal. */
export function tell({ terminal }: Pick<Context, 'terminal'>, done: Proposed): void {
  if (terminal.json) return terminal.document(done);
  if ('trust' in done) for (const line of trustLines(done.trust)) terminal.line(line);
  else {
    terminal.line(`Other publishers have to sign: ${done.file}`);
    terminal.note('There: nanofleet trust sign FILE; then nanofleet trust push FILE');
  }
}

/** What this profile may go on from. @throws NanofleetError METADATA_MISSING */
export async function opened({
  connect,
  profile,
}: Pick<Context, 'connect' | 'profile'>): Promise<{ client: Client; key: SigningKey; open: OpenTrust }> {
  const key = await profile.readKey();
  const client = await connect();
  const open = await openTrust(client, { key, profile });
  if (open !== null) return { client, key, open };
  throw new NanofleetError(
    'METADATA_MISSING',
    'This fleet has no release metadata yet: nanofleet trust init.',
  );
}
