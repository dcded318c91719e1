import { NanofleetError, type TlsGrant } from '@nanofleet/protocol';
import { generateSigningKey, generateTlsKey } from '@nanofleet/protocol/node';
import { ManualClock, MemoryDisk } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { findCertificate, writeCertificate } from '../store/device-certificate.ts';
import { SteadyTime } from '../store/steady-time.ts';
import { CertificateKeeper } from './certificate-keeper.ts';

const DAY_MS = 86_400_000;
const DIRECTORY = '/state';
const PEM = '-----BEGIN CERTIFICATE-----';
const grantOf = (name: string): TlsGrant => ({
  certificate: `${PEM} ${name}`,
  authorities: `${PEM} authority`,
  lifetimeMs: 30 * DAY_MS,
});

/** A clock that an operator or the weather may set. */
class SettableClock extends ManualClock {
  aheadMs = 0;

  override unixMs(): number {
    return super.unixMs() + this.aheadMs;
  }
}

const setUp = (
  given: { answer?: () => Promise<TlsGrant>; disk?: MemoryDisk; clock?: SettableClock } = {},
) => {
  const { answer = () => Promise.resolve(grantOf('next')), clock = new SettableClock() } = given;
  const disk = given.disk ?? new MemoryDisk();
  disk.makeDirectory(DIRECTORY);
  if (given.disk === undefined)
    writeCertificate(disk, DIRECTORY, { ...grantOf('first'), isPinned: true, takenAtMs: null });
  const asked: (readonly string[])[] = [];
  const warned: string[] = [];
  const log = {
    info: () => undefined,
    warn: (text: string) => void warned.push(text),
    error: () => undefined,
  };
  const host = { arch: 'x64', nodeVersion: '20', memoryBytes: 1, cpuSeconds: () => 0, rssBytes: () => 1 };
  const time = new SteadyTime({ clock, host, disk, log, path: `${DIRECTORY}/time.json` });
  const keeper = new CertificateKeeper({
    ...{ disk, directory: DIRECTORY, log },
    keys: { device: generateSigningKey(), tls: generateTlsKey() },
    ask: ({ ca = [] }) => {
      asked.push(ca);
      return answer();
    },
  });
  const afterDays = (days: number) => {
    clock.advance(days * DAY_MS);
    return keeper.check(time.nowMs());
  };
  return {
    afterDays,
    asked,
    clock,
    disk,
    keeper,
    kept: () => findCertificate(disk, DIRECTORY),
    time,
    warned,
  };
};

describe('the certificate of a device', () => {
  it('is renewed after two thirds of its lifetime, and the next one again after as long', async () => {
    const { afterDays, asked, keeper, kept } = setUp();
    await afterDays(0);
    await afterDays(19.9);
    expect(asked).toEqual([]);
    await afterDays(0.2);
    expect(asked).toEqual([[`${PEM} authority`]]);
    expect([keeper.tls?.cert, kept()?.certificate]).toEqual(Array(2).fill(`${PEM} next`));
    await afterDays(19.9);
    expect(asked.length).toBe(1);
    await afterDays(0.2);
    expect(asked.length).toBe(2);
  });

  it.each([
    ['1970', -1_700_000_000_000],
    ['ten years ahead', 3_653 * DAY_MS],
  ])('is not renewed because the clock is set to %s, and in time all the same', async (_title, aheadMs) => {
    const { afterDays, asked, clock } = setUp();
    await afterDays(0);
    clock.aheadMs = aheadMs;
    await afterDays(10);
    expect(asked).toEqual([]);
    await afterDays(10.1);
    expect(asked.length).toBe(1);
  });

  it('goes on with its age after a restart', async () => {
    const first = setUp();
    await first.afterDays(0);
    await first.afterDays(15);
    first.time.note();
    const { afterDays, asked } = setUp(first);
    await afterDays(0);
    expect(asked).toEqual([]);
    await afterDays(5.1);
    expect(asked.length).toBe(1);
  });

  it('is kept when the controller does not give another, and asked for again at the next look', async () => {
    const unreachable = new NanofleetError('CONTROLLER_UNREACHABLE', 'nobody answers');
    const { afterDays, asked, keeper, warned } = setUp({ answer: () => Promise.reject(unreachable) });
    await afterDays(0);
    await afterDays(21);
    await afterDays(1);
    expect([asked.length, warned]).toEqual([2, ['certificate-not-renewed', 'certificate-not-renewed']]);
    expect(keeper.tls?.cert).toBe(`${PEM} first`);
  });

  it('is asked for once, however many want it', async () => {
    const { asked, keeper, time } = setUp();
    await Promise.all([keeper.renew(time.nowMs()), keeper.renew(time.nowMs()), keeper.renew(time.nowMs())]);
    expect(asked.length).toBe(1);
  });
});
