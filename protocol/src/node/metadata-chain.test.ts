// Which documents may follow which: thresholds, rotation, rollback, freezing, mixing. Keys and documents are real.
import { describe, expect, it } from 'vitest';
import { fleetIdSchema } from '../ids.ts';
import { metadataHead } from '../metadata/roles.ts';
import { generateSigningKey, type SigningKey } from './keys.ts';
import {
  type Believed,
  firstRoot,
  linkTo,
  nextRoot,
  readSnapshot,
  readTargets,
  readTimestamp,
} from './metadata-chain.ts';
import { makeMetadata, metadataKeysOf, readMetadata } from './metadata-signature.ts';
import { sha256Of } from './sha256.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const fleet = fleetIdSchema.parse('home');
const [one, two, three, controller] = Array.from({ length: 4 }, generateSigningKey) as [
  SigningKey,
  SigningKey,
  SigningKey,
  SigningKey,
];

interface RootOptions {
  readonly version?: number;
  readonly publishers?: readonly SigningKey[];
  readonly threshold?: number;
  readonly signers?: readonly SigningKey[];
  readonly of?: string;
}

const rootBytes = ({
  of = fleet,
  publishers = [one],
  signers = publishers,
  threshold = 1,
  version = 1,
}: RootOptions) => {
  const keyids = publishers.map(({ fingerprint }) => fingerprint);
  const role = { keyids, threshold };
  const signed = {
    ...metadataHead('root', { fleet: of as typeof fleet, version, expiresAtMs: NOW + 700 * DAY_MS }),
    consistent_snapshot: true,
    keys: metadataKeysOf([...publishers, controller].map(({ publicKey }) => publicKey)),
    roles: {
      ...{ root: role, targets: role, snapshot: { keyids, threshold: 1 } },
      timestamp: { keyids: [controller.fingerprint], threshold: 1 },
    },
  };
  return makeMetadata(signed, signers);
};

const rootOf = (options: RootOptions) => readMetadata('root', rootBytes(options));
const pin = { fleet, publisher: one.fingerprint };
const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

describe('a first root', () => {
  it('is that of the pinned publisher', () => {
    expect(firstRoot(rootBytes({}), pin).signed.version).toBe(1);
    expect(firstRoot(rootBytes({ publishers: [one, two], signers: [one] }), pin).signed.version).toBe(1);
  });

  it.each<[string, RootOptions, string]>([
    ['of another publisher', { publishers: [two] }, 'METADATA_ROOT_WRONG'],
    [
      'that names the publisher and is signed by another',
      { publishers: [one, two], signers: [two] },
      'METADATA_THRESHOLD_MISSED',
    ],
    [
      'with too few signatures',
      { publishers: [one, two], threshold: 2, signers: [one] },
      'METADATA_THRESHOLD_MISSED',
    ],
    [
      'with one signature twice',
      { publishers: [one, two], threshold: 2, signers: [one, one] },
      'METADATA_THRESHOLD_MISSED',
    ],
    ['of another fleet', { of: 'other' }, 'METADATA_FLEET_WRONG'],
    ['of a later version', { version: 2 }, 'METADATA_ROOT_WRONG'],
  ])('is none %s', (_what, options, expected) => {
    expect(() => firstRoot(rootBytes(options), pin)).toThrow(code(expected));
  });

  it('is the very one where the token pins that, though the publisher has changed since', () => {
    const bytes = rootBytes({ version: 3, publishers: [two] });
    const root = { version: 3, digest: sha256Of(bytes) };
    expect(firstRoot(bytes, { ...pin, root }).signed.version).toBe(3);
    const other = rootBytes({ version: 3, publishers: [one] });
    expect(() => firstRoot(other, { ...pin, root })).toThrow(code('METADATA_ROOT_WRONG'));
  });
});

describe('a next root', () => {
  const from = {
    fleet,
    former: new Set<string>(),
    root: rootOf({ publishers: [one, two], threshold: 2 }).signed,
  };
  const next = { version: 2, publishers: [two, three], threshold: 2 };

  it('is signed by enough keys of the one before and by enough of its own', () => {
    expect(nextRoot(rootBytes({ ...next, signers: [one, two, three] }), from).signed.version).toBe(2);
  });

  it.each<[string, RootOptions, string]>([
    ['with too few of the keys before', { ...next, signers: [two, three] }, 'METADATA_THRESHOLD_MISSED'],
    ['with too few of its own', { ...next, signers: [one, two] }, 'METADATA_THRESHOLD_MISSED'],
    ['that leaves one out', { ...next, version: 3, signers: [one, two, three] }, 'METADATA_ROOT_WRONG'],
    ['that goes back', { ...next, version: 1, signers: [one, two, three] }, 'METADATA_OLD'],
  ])('is none %s', (_what, options, expected) => {
    expect(() => nextRoot(rootBytes(options), from)).toThrow(code(expected));
  });

  it('says so when its signer was revoked', () => {
    const root = rootOf({ version: 2, publishers: [two] }).signed;
    const later = rootBytes({ version: 3, publishers: [one] });
    const believed = { fleet, root, former: new Set([one.fingerprint as string]) };
    expect(() => nextRoot(later, believed)).toThrow(code('METADATA_KEY_REVOKED'));
  });
});

describe('a document', () => {
  const text = rootBytes({}).toString();

  it.each([
    ['beside what is signed', text.replace(/}$/, ',"x":1}')],
    ['in a signature', text.replace('"keyid":', '"a":1,"keyid":')],
  ])('holds nothing %s', (_what, changed) => {
    expect(() => readMetadata('root', Buffer.from(changed))).toThrow(code('METADATA_MALFORMED'));
  });

  it('is signed as a whole, what its readers do not know among it', () => {
    const { signed } = readMetadata('root', Buffer.from(text));
    const later = makeMetadata({ ...signed, later: { deep: [1, 'x'] } }, [one]);
    expect(firstRoot(later, pin).signed.version).toBe(1);
    const changed = Buffer.from(later.toString().replace('"deep":[1,', '"deep":[2,'));
    expect(() => firstRoot(changed, pin)).toThrow(code('METADATA_SIGNATURE_WRONG'));
  });
});

describe('what a timestamp leads to', () => {
  const targetsOf = (version: number, key = one) =>
    makeMetadata({ ...metadataHead('targets', { fleet, version, expiresAtMs: NOW + DAY_MS }), targets: {} }, [
      key,
    ]);
  const snapshotOf = (version: number, targets: Uint8Array) =>
    makeMetadata(
      {
        ...metadataHead('snapshot', { fleet, version, expiresAtMs: NOW + DAY_MS }),
        meta: { 'targets.json': linkTo(readMetadata('targets', targets)) },
      },
      [one],
    );
  const timestampOf = (version: number, snapshot: Uint8Array, key = controller) =>
    makeMetadata(
      {
        ...metadataHead('timestamp', { fleet, version, expiresAtMs: NOW + DAY_MS }),
        meta: { 'snapshot.json': linkTo(readMetadata('snapshot', snapshot)) },
      },
      [key],
    );
  const believed: Believed = {
    ...{ fleet, nowMs: NOW, former: new Set() },
    root: rootOf({}).signed,
    versions: { timestamp: 5, snapshot: 5, targets: 5 },
  };
  const targets = targetsOf(5);
  const snapshot = snapshotOf(5, targets);
  const link = linkTo(readMetadata('snapshot', snapshot));

  it('is followed to the targets', () => {
    const timestamp = readTimestamp(timestampOf(6, snapshot), believed);
    const found = readSnapshot(snapshot, timestamp.signed.meta['snapshot.json'], believed);
    const last = readTargets(targets, found.signed.meta['targets.json'], believed);
    expect(last.signed.version).toBe(5);
  });

  it('is never older than what is known', () => {
    expect(() => readTimestamp(timestampOf(4, snapshot), believed)).toThrow(code('METADATA_OLD'));
    expect(() => readTimestamp(timestampOf(6, snapshotOf(4, targets)), believed)).toThrow(
      code('METADATA_OLD'),
    );
    const older = snapshotOf(5, targetsOf(4));
    expect(() => readSnapshot(older, linkTo(readMetadata('snapshot', older)), believed)).toThrow(
      code('METADATA_OLD'),
    );
  });

  it('is not taken when it has expired: the timestamp as frozen, the others as expired', () => {
    const later = { ...believed, nowMs: NOW + DAY_MS };
    expect(() => readTimestamp(timestampOf(6, snapshot), later)).toThrow(code('METADATA_FROZEN'));
    expect(() => readSnapshot(snapshot, link, later)).toThrow(code('METADATA_EXPIRED'));
    expect(() => readTargets(targets, linkTo(readMetadata('targets', targets)), later)).toThrow(
      code('METADATA_EXPIRED'),
    );
  });

  it('belongs together', () => {
    expect(() => readSnapshot(snapshotOf(6, targets), link, believed)).toThrow(code('METADATA_MIXED'));
    const other = readMetadata('targets', targetsOf(6));
    expect(() => readTargets(targets, linkTo(other), believed)).toThrow(code('METADATA_MIXED'));
  });

  it('is signed by the keys of its role alone', () => {
    expect(() => readTimestamp(timestampOf(6, snapshot, one), believed)).toThrow(
      code('METADATA_THRESHOLD_MISSED'),
    );
    const foreign = targetsOf(5, controller);
    expect(() => readTargets(foreign, linkTo(readMetadata('targets', foreign)), believed)).toThrow(
      code('METADATA_THRESHOLD_MISSED'),
    );
  });
});
