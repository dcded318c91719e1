// Several publishers of one fleet, by the operators' command at a real controller: what one prepares the others sign, and no device takes
// anything before.
import { join } from 'node:path';
import { groupIdSchema } from '@nanofleet/protocol';
import { decodeFleetToken, generateSigningKey } from '@nanofleet/protocol/node';
import { beforeAll, expect, it, vi } from 'vitest';
import { AttackedFleet } from './parts/attacked-fleet.ts';
import type { TestBundle } from './parts/bundles.ts';
import { keepStandardError } from './parts/quiet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

const NOBODY = groupIdSchema.parse('nobody');
let fleet: AttackedFleet;
let bundle: TestBundle;
/** What waits for the second publisher. */
let file = '';

const trust = async () => (await fleet.liar.honest.call('trust')).roles;
const versionOf = async (wanted: string) => (await trust()).find(({ role }) => role === wanted)?.version;

beforeAll(async () => {
  keepStandardError();
  fleet = await AttackedFleet.start();
  await fleet.profile('other', generateSigningKey());
  // Whose fleet it is a person tells, not the controller.
  await expect(fleet.nanofleet('other', 'trust', 'renew')).rejects.toThrow('nanofleet trust follow');
  const stranger = generateSigningKey().fingerprint;
  await expect(fleet.nanofleet('other', 'trust', 'follow', stranger)).rejects.toThrow('METADATA_ROOT_WRONG');
  await fleet.nanofleet('other', 'trust', 'follow', fleet.publisher.fingerprint);
});

it('releases that are pushed at the same time are both listed', async () => {
  await fleet.profile('twin', fleet.publisher);
  const [one, two] = [fleet.signed(), fleet.signed()];
  await Promise.all([
    fleet.nanofleet('publisher', 'models', 'push', one.directory),
    fleet.nanofleet('twin', 'models', 'push', two.directory),
  ]);
  for (const { digest } of [one, two]) {
    const made = await fleet.liar.honest.call('makeRollout', { body: { digest, target: { group: NOBODY } } });
    expect(made.digest).toBe(digest);
  }
});

it('a second publisher is added, and two must sign from then on', async () => {
  const publicKey = join(fleet.scratch, 'other', 'publisher.pub');
  await fleet.nanofleet('publisher', 'trust', 'publishers', 'add', publicKey);
  const waits = await fleet.nanofleet('publisher', 'trust', 'publishers', 'threshold', '2', '--json');
  ({ file } = JSON.parse(waits) as { file: string });
  expect(await versionOf('root')).toBe(2);
  await fleet.nanofleet('other', 'trust', 'sign', file);
  await fleet.nanofleet('publisher', 'trust', 'push', file);
  expect((await trust()).map(({ keyIds, role, threshold }) => [role, threshold, keyIds.length])).toEqual([
    ['root', 2, 2],
    ['targets', 2, 2],
    ['snapshot', 1, 2],
    ['timestamp', 1, 1],
  ]);
  fleet.root = 3;
});

it('what one of them pushes waits for the other, and no rollout begins', async () => {
  bundle = fleet.signed();
  await expect(fleet.released('--all')).rejects.toThrow('Other publishers have to sign');
  await expect(fleet.nanofleet('publisher', 'models', 'push', bundle.directory, '--all')).rejects.toThrow(
    'to-sign-',
  );
  const { digest } = bundle;
  const made = fleet.liar.honest.call('makeRollout', { body: { digest, target: { all: true } } });
  await expect(made).rejects.toMatchObject({ code: 'TARGET_UNKNOWN' });
  expect(await fleet.refusalOf(bundle)).toBe('TARGET_UNKNOWN');
});

it('what both have signed runs', async () => {
  file = join(
    fleet.scratch,
    'publisher',
    'trust',
    'test',
    `to-sign-${((await versionOf('targets')) ?? 0) + 1}.json`,
  );
  expect(await fleet.nanofleet('other', 'trust', 'sign', file)).toContain('2 signatures');
  await fleet.nanofleet('other', 'trust', 'push', file);
  await fleet.nanofleet('publisher', 'models', 'push', bundle.directory);
  const { digest } = bundle;
  await fleet.liar.honest.call('makeRollout', { body: { digest, target: { all: true } } });
  // It has refused this very one: it is asked once more.
  fleet.order(bundle, { attempt: 2 });
  expect((await fleet.untilRuns(bundle))?.running?.digest).toBe(digest);
});

it('a fleet token pins the newest root', async () => {
  const token = await fleet.nanofleet('publisher', 'fleet-tokens', 'new', 'homes', '--group', 'homes');
  expect(decodeFleetToken(token).root?.version).toBe(3);
});

it('a release that is withdrawn is taken by nobody any more', async () => {
  const waits = await fleet.nanofleet('other', 'trust', 'withdraw', bundle.digest, '--json');
  const proposed = (JSON.parse(waits) as { file: string }).file;
  await fleet.nanofleet('publisher', 'trust', 'sign', proposed);
  await fleet.nanofleet('publisher', 'trust', 'push', proposed);
  const { digest } = bundle;
  const made = fleet.liar.honest.call('makeRollout', { body: { digest, target: { all: true } } });
  await expect(made).rejects.toMatchObject({ code: 'TARGET_UNKNOWN' });
});
