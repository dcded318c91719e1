// A thief of the controller, of a line to it, or of a publisher's key tries to make a real agent believe, or miss, what the publishers have
// not agreed on. Each attempt is refused on the device, with a code of its own that the operator sees.
import { join } from 'node:path';
import { deviceIdSchema, TIMESTAMP_NAME } from '@nanofleet/protocol';
import { generateSigningKey, makeMetadata, readMetadata } from '@nanofleet/protocol/node';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AttackedFleet, DEVICE } from './parts/attacked-fleet.ts';
import { keepStandardError } from './parts/quiet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

const DAY_MS = 86_400_000;
let fleet: AttackedFleet;

beforeAll(async () => {
  keepStandardError();
  fleet = await AttackedFleet.start();
});
afterEach(() => fleet.liar.lies.clear());

/** Serves a document with something in its text replaced. */
const change = async (name: string, from: RegExp | string, to: string): Promise<void> => {
  const text = (await fleet.document(name)).toString();
  fleet.liar.lies.set(name, Buffer.from(text.replace(from, to)));
};

describe('a release that publishers list and the controller asks for', () => {
  it('runs', async () => {
    const bundle = await fleet.released('--all');
    expect((await fleet.untilRuns(bundle))?.running?.digest).toBe(bundle.digest);
  });
});

describe('who has the key of the controller', () => {
  it('cannot have a bundle run that is signed and not listed', async () => {
    expect(await fleet.refusalOf(fleet.signed())).toBe('TARGET_UNKNOWN');
  });

  it.each([
    ['release counter', { releaseCounter: 999 }],
    ['length', { bytes: 1 }],
    ['hardware', { hardware: 'linux-other' }],
  ])('cannot say another %s than the publishers', async (_what, said) => {
    expect(await fleet.refusalOf(await fleet.released(), said)).toBe('TARGET_DISAGREES');
  });

  it('cannot send a release to hardware that it is not for', async () => {
    const bundle = await fleet.released('--hardware', 'linux-other');
    expect(await fleet.refusalOf(bundle, { hardware: 'linux-other' })).toBe('HARDWARE_WRONG');
  });

  it('cannot sign for the publishers', async () => {
    const bundle = await fleet.released();
    const name = await fleet.nameOf('snapshot');
    const { signed } = readMetadata('snapshot', await fleet.document(name));
    fleet.liar.lies.set(name, makeMetadata(signed, [fleet.liar.key]));
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_THRESHOLD_MISSED');
  });

  it('cannot give a device what was for another one, for another fleet, or earlier', async () => {
    const { liar } = fleet;
    const taken = liar.order(DEVICE, { lines: {}, metadata: { root: 1 } });
    liar.order(DEVICE, { lines: {} }, { device: deviceIdSchema.parse('home-2') });
    await fleet.untilProblem('DESIRED_DEVICE_WRONG');
    liar.order(DEVICE, { lines: {} }, { fleet: 'other' });
    await fleet.untilProblem('DESIRED_FLEET_WRONG');
    liar.order(DEVICE, { lines: {} }, { version: taken - 1 });
    await fleet.untilProblem('DESIRED_REPLAYED');
    liar.order(DEVICE, { lines: {}, metadata: { root: 1 } });
    const desiredProblems = async () =>
      (await fleet.shown()).problems.filter(({ code }) => code.startsWith('DESIRED_'));
    await expect.poll(desiredProblems).toEqual([]);
  });
});

describe('who hands out release metadata', () => {
  it('cannot take it back to earlier documents', async () => {
    const timestamp = await fleet.document(TIMESTAMP_NAME);
    const bundle = await fleet.released();
    // The device looks at what is newest, and remembers it.
    expect(await fleet.refusalOf(fleet.signed())).toBe('TARGET_UNKNOWN');
    fleet.liar.lies.set(TIMESTAMP_NAME, timestamp);
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_OLD');
  });

  it('cannot mix documents of different times', async () => {
    const earlier = await fleet.document(await fleet.nameOf('targets'));
    const bundle = await fleet.released();
    fleet.liar.lies.set(await fleet.nameOf('targets'), earlier);
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_MIXED');
  });

  it('cannot send without end', async () => {
    const bundle = await fleet.released();
    fleet.liar.lies.set(TIMESTAMP_NAME, 'endless');
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_TOO_LARGE');
  });

  it('cannot cut a signature off', async () => {
    const bundle = await fleet.released();
    await change(TIMESTAMP_NAME, /("sig":"[0-9a-f]{64})[0-9a-f]{64}/, '$1');
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_SIGNATURE_MALFORMED');
  });

  it('cannot say a key twice', async () => {
    const bundle = await fleet.released();
    await change(TIMESTAMP_NAME, '"version":', '"version":99999999999,"version":');
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_AMBIGUOUS');
  });

  it('cannot change what was signed', async () => {
    const bundle = await fleet.released();
    await change(TIMESTAMP_NAME, /"expires":"\d{4}/, '"expires":"2999');
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_SIGNATURE_WRONG');
  });

  it('cannot bring that of another fleet of the same publisher', async () => {
    const bundle = await fleet.released();
    const { signed } = readMetadata('timestamp', await fleet.document(TIMESTAMP_NAME));
    fleet.liar.lies.set(TIMESTAMP_NAME, makeMetadata({ ...signed, fleet: 'other' }, [fleet.liar.key]));
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_FLEET_WRONG');
  });

  it('cannot hold the fleet at one moment for ever, and devices go on when it lets go', async () => {
    const bundle = await fleet.released();
    fleet.liar.lies.set(TIMESTAMP_NAME, await fleet.document(TIMESTAMP_NAME));
    fleet.order(bundle, {}, { issuedAt: Date.now() + 8 * DAY_MS });
    await fleet.untilProblem('METADATA_FROZEN');
    fleet.liar.lies.clear();
    fleet.liar.honest.passMs(8 * DAY_MS);
    expect((await fleet.untilRuns(bundle))?.running?.digest).toBe(bundle.digest);
  });

  it('cannot have documents count that have expired, and devices go on when they are renewed', async () => {
    const bundle = await fleet.released();
    fleet.liar.honest.passMs(400 * DAY_MS);
    fleet.order(bundle, {}, { issuedAt: Date.now() + 408 * DAY_MS });
    await fleet.untilProblem('METADATA_EXPIRED');
    fleet.aheadMs = 408 * DAY_MS;
    await fleet.nanofleet('publisher', 'trust', 'renew');
    fleet.root = 2;
    fleet.order(bundle, {}, { issuedAt: Date.now() + 408 * DAY_MS });
    expect((await fleet.untilRuns(bundle))?.running?.digest).toBe(bundle.digest);
  });
});

describe('a publisher who was dropped', () => {
  const other = generateSigningKey();

  /** Another publisher takes the place of the first one. */
  const replacePublisher = async (): Promise<void> => {
    await fleet.profile('other', other);
    await fleet.nanofleet('other', 'trust', 'follow', fleet.publisher.fingerprint);
    await fleet.nanofleet(
      'publisher',
      'trust',
      'publishers',
      'add',
      join(fleet.scratch, 'other', 'publisher.pub'),
    );
    const out = await fleet.nanofleet('other', 'trust', 'publishers', 'drop', fleet.publisher.fingerprint);
    expect(out).toContain('root       version 4');
    fleet.root = 4;
  };

  it('signs nothing any more that devices believe', async () => {
    await replacePublisher();
    const behind = async () => (await fleet.liar.honest.call('trust')).devices;
    expect(await behind()).toEqual({ following: 0, behind: 1, names: [DEVICE] });
    const bundle = fleet.signed();
    await fleet.serve(await fleet.listing(fleet.publisher, bundle));
    expect(await fleet.refusalOf(bundle)).toBe('METADATA_KEY_REVOKED');
    await expect.poll(behind).toEqual({ following: 1, behind: 0, names: [] });
  });

  it('makes no other root', async () => {
    const name = '5.root.json';
    const { signed } = readMetadata('root', await fleet.document(await fleet.nameOf('root')));
    const { signed: before } = readMetadata('root', await fleet.document('1.root.json'));
    const forged = { ...signed, version: 5, roles: before.roles, keys: before.keys };
    fleet.liar.lies.set(name, makeMetadata(forged, [fleet.publisher]));
    fleet.root = 5;
    expect(await fleet.refusalOf(fleet.signed())).toBe('METADATA_KEY_REVOKED');
    fleet.root = 4;
  });

  it('leaves the fleet to those who stay', async () => {
    const bundle = fleet.signed();
    await fleet.nanofleet('other', 'models', 'sign', bundle.directory);
    await fleet.nanofleet('other', 'models', 'push', bundle.directory);
    fleet.order(bundle);
    expect((await fleet.untilRuns(bundle))?.running?.digest).toBe(bundle.digest);
  });
});
