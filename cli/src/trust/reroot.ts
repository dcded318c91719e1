/** Another root of the release metadata, and the targets signed anew under it. Owns what it is made of; never a key. */
import type { MetadataDocument } from '@nanofleet/protocol';
import { makeMetadata, readMetadata } from '@nanofleet/protocol/node';
import type { Context } from '../command.ts';
import { publishersOf, rootOf } from './make-metadata.ts';
import { type Proposed, propose, proposeTargets } from './release.ts';
import { opened } from './tell-trust.ts';

/** Whose signatures count. */
export interface RootKeys {
  readonly publishers: readonly Buffer[];
  readonly threshold: number;
}

/** Another root with the publishers of now, or others, and with the controller's keys of now. */
export async function reroot(
  context: Pick<Context, 'connect' | 'profile' | 'world'>,
  change: (before: RootKeys) => RootKeys,
): Promise<Proposed> {
  const { client, key, open } = await opened(context);
  const nowMs = context.world.now();
  const { signed } = open.root;
  const { publishers, threshold } = change({
    publishers: publishersOf(signed),
    threshold: signed.roles.root.threshold,
  });
  const plan = {
    ...{ fleet: open.fleet, nowMs, publishers, threshold },
    version: signed.version + 1,
    controllers: open.controllerKeys,
  };
  const root: MetadataDocument<'root'> = readMetadata('root', makeMetadata(rootOf(plan), [key]));
  const targets = proposeTargets(open.targets?.signed.targets ?? {}, { key, nowMs, open });
  return propose(client, open, { key, nowMs, proposal: { root, targets } });
}
