// Who comes back after a restore: a device that shows a certificate of this fleet from after the backup, within its time.
// Whatever shows less stays out.
import { generateSigningKey, generateTlsKey, sha256Of, spkiOf } from '@nanofleet/protocol/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { afterRestore } from '../backup/after-restore.ts';
import { openDatabase } from '../db/open-database.ts';
import { systemClock } from '../ports/clock.ts';
import { systemRandom } from '../ports/random.ts';
import { Authority } from '../state/authority.ts';
import { makeTestDatabase, type TestDatabase } from '../testing/databases.ts';
import { DevicesRepository } from './devices.repository.ts';
import { ReadmissionService } from './readmission.service.ts';

const PATIENCE_MS = 240_000;
const DAY_MS = 86_400_000;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe('readmission', () => {
  let place: TestDatabase;
  let open: Awaited<ReturnType<typeof openDatabase>>;
  let authority: Authority;
  let foreign: Authority;
  const noted: string[] = [];

  const authorityIn = (name: string) =>
    Authority.open({
      ...{ directory: place.settings.directory, fleet: name as never, random: systemRandom },
      given: null,
    });

  beforeAll(async () => {
    place = await makeTestDatabase('embedded');
    open = await openDatabase(place.settings, 'readmission');
    authority = await authorityIn('home');
    const other = await makeTestDatabase('embedded');
    foreign = await Authority.open({
      ...{ directory: other.settings.directory, fleet: 'home' as never, random: systemRandom, given: null },
    });
    await other.drop();
  }, PATIENCE_MS);
  afterAll(async () => {
    await open.close();
    await place.drop();
  });

  const serviceAt = (nowMs: number) =>
    new ReadmissionService(
      new DevicesRepository(open.database),
      { note: ({ kind }: { kind: string }) => noted.push(kind) } as never,
      { authority, fleet: 'home' } as never,
      open.database,
      { ...systemClock, unixMs: () => nowMs },
      quiet,
    );

  /** Asks with a certificate that an authority made at some time, perhaps for another name or key. */
  const ask = async (
    device: string,
    {
      by = authority,
      certified = device,
      madeAtMs,
      nowMs,
    }: { by?: Authority; certified?: string; madeAtMs: number; nowMs: number },
  ): Promise<string> => {
    const spki = spkiOf(generateTlsKey());
    const certificate = await by.certifyDevice(certified as never, { spki, nowMs: madeAtMs });
    const publicKey = Buffer.from(generateSigningKey().publicKey).toString('base64');
    const tls = { publicKey: spki.toString('base64'), proof: '', bond: '' };
    const request = { device, nonce: '', tls, evidence: { publicKey, certificate } };
    return serviceAt(nowMs)
      .readmit(request as never)
      .then(
        () => 'in',
        (thrown: unknown) => (thrown as { code: string }).code,
      );
  };

  it('lets nobody in while nothing was restored', async () => {
    expect(await ask('early', { madeAtMs: DAY_MS * 20_000, nowMs: DAY_MS * 20_001 })).toBe('DEVICE_UNKNOWN');
  });

  it('lets in who enrolled after the backup, and notes it', async () => {
    const restored = { id: 'feedfeedfeedfeed', createdAt: DAY_MS * 20_000, at: DAY_MS * 20_005 };
    await afterRestore(open.database, { restored, revoked: ['named'] as never });
    expect(await ask('late', { madeAtMs: DAY_MS * 20_002, nowMs: DAY_MS * 20_006 })).toBe('in');
    expect(noted).toEqual(['device-readmitted']);
    const row = await new DevicesRepository(open.database).one('late' as never);
    expect(row).toMatchObject({ deviceGroup: 'readmitted', credentialHash: null, revokedAt: null });
    expect(row?.tlsKey).not.toBe(sha256Of(''));
  });

  it.each([
    ['whose certificate is from before the backup', { madeAtMs: DAY_MS * 19_999, nowMs: DAY_MS * 20_006 }],
    ['whose certificate has run out', { madeAtMs: DAY_MS * 20_001, nowMs: DAY_MS * 20_032 }],
    ['who comes when the time for it is over', { madeAtMs: DAY_MS * 20_030, nowMs: DAY_MS * 20_036 }],
    [
      'with the certificate of another device',
      { certified: 'other', madeAtMs: DAY_MS * 20_002, nowMs: DAY_MS * 20_006 },
    ],
  ])('keeps out one %s', async (_title, given) => {
    expect(await ask('stranger', given)).toBe('DEVICE_UNKNOWN');
  });

  it('keeps out one whom another authority of the same name has certified', async () => {
    const given = { by: foreign, madeAtMs: DAY_MS * 20_002, nowMs: DAY_MS * 20_006 };
    expect(await ask('stranger', given)).toBe('DEVICE_UNKNOWN');
  });
});
