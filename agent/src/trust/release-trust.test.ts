// What a device makes of the publishers' metadata: from its first root on, across restarts, rotations and wrong clocks. Disk and clock
// are simulated, documents and keys are real.
import {
  type DesiredState,
  fleetIdSchema,
  METADATA_BYTES_MAX,
  metadataHead,
  metadataName,
  NanofleetError,
  TIMESTAMP_NAME,
  targetPath,
} from '@nanofleet/protocol';
import {
  generateSigningKey,
  linkTo,
  makeMetadata,
  metadataKeysOf,
  readMetadata,
  type SigningKey,
  sha256Of,
} from '@nanofleet/protocol/node';
import { silentLog } from '@nanofleet/runtime/ports';
import { ManualClock, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { ReleaseTrust, type ReleaseTrustOptions } from './release-trust.ts';

const fleet = fleetIdSchema.parse('home');
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);
const DIGEST = sha256Of('a bundle');
const controller = generateSigningKey();
const [one, two] = [generateSigningKey(), generateSigningKey()];
const WANTED = { digest: DIGEST, line: 'intent', releaseCounter: 2, bytes: 10 };

let blobs: Map<string, Uint8Array>;
let asked: string[];
let disk: MemoryDisk;
let clock: ManualClock;
let problems: (string | null)[];
let versions = 0;

/** Puts a root and what follows from it in place, signed by a publisher. */
const publish = ({
  by = one,
  root = 1,
  signers = [by],
}: {
  by?: SigningKey;
  root?: number;
  signers?: SigningKey[];
} = {}) => {
  versions += 1;
  const head = (role: 'targets' | 'snapshot' | 'timestamp', days: number) =>
    metadataHead(role, { fleet, version: versions, expiresAtMs: NOW + days * DAY_MS });
  const role = { keyids: [by.fingerprint], threshold: 1 };
  const rootBytes = makeMetadata(
    {
      ...metadataHead('root', { fleet, version: root, expiresAtMs: NOW + 700 * DAY_MS }),
      consistent_snapshot: true,
      keys: metadataKeysOf([by.publicKey, controller.publicKey]),
      roles: {
        ...{ root: role, targets: role, snapshot: role },
        timestamp: { keyids: [controller.fingerprint], threshold: 1 },
      },
    },
    signers,
  );
  const custom = {
    ...{ kind: 'model', line: 'intent', version: '2.0.0', releaseCounter: 2, bytes: 10, hardware: 'any' },
    quality: [],
  };
  const entry = { length: 5, hashes: { sha256: DIGEST }, custom };
  const targets = makeMetadata(
    { ...head('targets', 365), targets: { [targetPath('model', DIGEST)]: entry } },
    [by],
  );
  const toTargets = linkTo(readMetadata('targets', targets));
  const snapshot = makeMetadata({ ...head('snapshot', 365), meta: { 'targets.json': toTargets } }, [by]);
  const toSnapshot = linkTo(readMetadata('snapshot', snapshot));
  const timestamp = makeMetadata({ ...head('timestamp', 7), meta: { 'snapshot.json': toSnapshot } }, [
    controller,
  ]);
  blobs.set(metadataName('root', root), rootBytes);
  blobs.set(metadataName('targets', versions), targets);
  blobs.set(metadataName('snapshot', versions), snapshot);
  blobs.set(TIMESTAMP_NAME, timestamp);
};

const trustOf = (identity: Partial<ReleaseTrustOptions['identity']> = {}): ReleaseTrust =>
  new ReleaseTrust({
    ...{ clock, disk, directory: '/state', log: silentLog, hardware: 'linux-arm64' },
    blobs: {
      fetch: (name, { from, length }) => {
        asked.push(name);
        const whole = blobs.get(name);
        if (whole === undefined)
          return Promise.reject(new NanofleetError('BUNDLE_FILE_MISSING', `no ${name}`));
        return Promise.resolve({ bytes: whole.subarray(from, from + length), totalBytes: whole.length });
      },
    },
    identity: { fleet, publisherFingerprints: [one.fingerprint], ...identity },
    followed: () => undefined,
    failing: (error) => problems.push(error?.code ?? null),
  });

const said = (root: number | null, atMs = NOW): Pick<DesiredState, 'issuedAt' | 'metadata'> => ({
  issuedAt: atMs,
  ...(root === null ? {} : { metadata: { root } }),
});

/** A device that has followed what its controller says. */
const followed = async (root = 1): Promise<ReleaseTrust> => {
  const trust = trustOf();
  trust.follow(said(root));
  await trust.allowModel(WANTED);
  return trust;
};

beforeEach(() => {
  blobs = new Map();
  asked = [];
  problems = [];
  disk = new MemoryDisk();
  disk.makeDirectory('/state');
  clock = new ManualClock();
});

describe('a device in a fleet without metadata', () => {
  it('asks nobody', async () => {
    const trust = trustOf();
    trust.follow(said(null));
    expect(await trust.allowModel(WANTED)).toBeNull();
    expect(asked).toEqual([]);
  });

  it('takes nothing when its token pins a root, whatever the controller says', async () => {
    const trust = trustOf({ root: { version: 1, digest: DIGEST } });
    trust.follow(said(null));
    await expect(trust.allowModel(WANTED)).rejects.toMatchObject({ code: 'METADATA_MISSING' });
  });
});

describe('a device that is told of a root', () => {
  it('takes what is listed, and nothing else', async () => {
    publish();
    const trust = trustOf();
    trust.follow(said(1));
    expect(await trust.allowModel(WANTED)).toMatchObject({ version: '2.0.0' });
    const other = { ...WANTED, digest: sha256Of('another') };
    await expect(trust.allowModel(other)).rejects.toMatchObject({ code: 'TARGET_UNKNOWN' });
    await expect(trust.allowAgent({ digest: DIGEST, version: '2.0.0' })).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
    });
    expect(problems.at(-1)).toBeNull();
  });

  it('needs it for ever: no controller can make it forget that there was one', async () => {
    publish();
    await followed();
    const restarted = trustOf();
    blobs.clear();
    restarted.follow(said(null));
    await expect(restarted.allowModel(WANTED)).rejects.toMatchObject({ code: 'METADATA_MISSING' });
    expect(problems.at(-1)).toBe('METADATA_MISSING');
  });

  it('asks for the timestamp alone when nothing is new', async () => {
    publish();
    const trust = await followed();
    asked = [];
    await trust.allowModel(WANTED);
    expect(asked).toEqual([TIMESTAMP_NAME]);
  });

  it('takes nothing new while it could not remember it', async () => {
    publish();
    disk.bytesMax = 0;
    const trust = trustOf();
    trust.follow(said(1));
    await expect(trust.allowModel(WANTED)).rejects.toMatchObject({ code: 'ENOSPC' });
    disk.bytesMax = Number.POSITIVE_INFINITY;
    expect(await trust.allowModel(WANTED)).not.toBeNull();
  });

  it('remembers across a power cut what it never goes back behind', async () => {
    publish();
    const earlier = new Map(blobs);
    publish();
    await followed();
    blobs = earlier;
    disk = disk.afterPowerCut(makeSeededRandom(1));
    const restarted = trustOf();
    restarted.follow(said(1));
    await expect(restarted.allowModel(WANTED)).rejects.toMatchObject({ code: 'METADATA_OLD' });
  });

  it('reads no more than it must', async () => {
    publish();
    blobs.set(TIMESTAMP_NAME, new Uint8Array(METADATA_BYTES_MAX + 1));
    const trust = trustOf();
    trust.follow(said(1));
    await expect(trust.allowModel(WANTED)).rejects.toMatchObject({ code: 'METADATA_TOO_LARGE' });
  });
});

describe('another root', () => {
  it('is followed without any release, and lets bundles of both publishers lie on the disk', async () => {
    publish();
    const trust = await followed();
    publish({ by: two, root: 2, signers: [one, two] });
    trust.follow(said(2));
    await trust.allowModel(WANTED);
    expect(asked).toContain(metadataName('root', 2));
    expect(trust.report()).toEqual({ metadata: { root: 2 } });
    expect(trust.publisherFingerprints).toEqual(expect.arrayContaining([one.fingerprint, two.fingerprint]));
  });

  it('ends the keys that it leaves out', async () => {
    publish();
    publish({ by: two, root: 2, signers: [one, two] });
    const trust = await followed(2);
    publish({ by: one, root: 3, signers: [one] });
    trust.follow(said(3));
    await expect(trust.allowModel(WANTED)).rejects.toMatchObject({ code: 'METADATA_KEY_REVOKED' });
  });

  it('lets go what a thief of the key before has counted up', async () => {
    versions = 1_000;
    publish();
    const trust = await followed();
    versions = 1;
    publish({ by: two, root: 2, signers: [one, two] });
    const timestamp = readMetadata('timestamp', blobs.get(TIMESTAMP_NAME) ?? new Uint8Array());
    // Its key is the one of before, and so is what is known of its versions.
    blobs.set(TIMESTAMP_NAME, makeMetadata({ ...timestamp.signed, version: 1_002 }, [controller]));
    trust.follow(said(2));
    expect(await trust.allowModel(WANTED)).toMatchObject({ version: '2.0.0' });
  });
});

describe('time', () => {
  it.each([0, NOW + 3_650 * DAY_MS])('is not that of a clock which says %d', async (wrongMs) => {
    publish();
    clock = new ManualClock(wrongMs);
    expect(await (await followed()).allowModel(WANTED)).not.toBeNull();
  });

  it('is what the controller has signed, and what has passed since', async () => {
    publish();
    const trust = await followed();
    clock.advance(8 * DAY_MS);
    await expect(trust.allowModel(WANTED)).rejects.toMatchObject({
      code: 'METADATA_FROZEN',
      isRetryable: true,
    });
  });

  it('never goes back behind one that was accepted', async () => {
    publish();
    const trust = await followed();
    trust.follow(said(1, NOW + 6 * DAY_MS));
    await trust.allowModel(WANTED);
    const restarted = trustOf();
    restarted.follow(said(1, NOW));
    clock.advance(2 * DAY_MS);
    expect(await restarted.allowModel(WANTED)).not.toBeNull();
    restarted.follow(said(1, NOW + 7 * DAY_MS));
    await expect(restarted.allowModel(WANTED)).rejects.toMatchObject({ code: 'METADATA_FROZEN' });
  });

  it('is not taken along by a controller whose clock is far ahead', async () => {
    publish();
    const trust = await followed();
    trust.follow(said(1, NOW + 3_650 * DAY_MS));
    await expect(trust.allowModel(WANTED)).rejects.toMatchObject({ code: 'METADATA_EXPIRED' });
    trust.follow(said(1, NOW + DAY_MS));
    expect(await trust.allowModel(WANTED)).not.toBeNull();
  });
});
