// Identity over TLS, with the real programs: what a token pins, what a certificate opens, what a revocation, a lapse and a
// restart do to it.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, tlsRequestOf } from '@nanofleet/agent';
import { systemRandom } from '@nanofleet/controller';
import { Authority } from '@nanofleet/controller/testing';
import { DEVICE_PATHS, NONCE_MS } from '@nanofleet/protocol';
import { generateSigningKey, generateTlsKey, keyDigestOf, parseCertificate } from '@nanofleet/protocol/node';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { enrol, runAgentCommand, startAgentHere, untilConnected } from './parts/agents.ts';
import { FLEET } from './parts/operator.ts';
import { keepStandardError } from './parts/quiet.ts';
import { handshake, open, TlsFleet, tlsIn } from './parts/tls-fleet.ts';

const fleet = new TlsFleet();
const { scratch } = fleet;
const MONTHS_MS = 40 * 86_400_000;
const STRANGER = '0'.repeat(64);
const BLOB = `${DEVICE_PATHS.blob}${'a'.repeat(64)}`;

// Ends a hang; a machine with other work must not.
vi.setConfig({ hookTimeout: 120_000, testTimeout: 60_000 });

beforeAll(async () => {
  keepStandardError();
  await fleet.run();
  const pinned = fleet.controller.running.authorityKeyId ?? '';
  expect(await fleet.login('--authority', pinned)).toMatchObject({ code: 0 });
});

describe('what is pinned', () => {
  it('lets an operator in only at the controller whose authority it is', async () => {
    expect((await fleet.login('--authority', STRANGER)).err).toContain('CONTROLLER_IDENTITY_WRONG');
    expect((await fleet.login()).err).toContain('CONTROLLER_UNREACHABLE');
    expect((await fleet.login('--ca', join(fleet.controller.directory, 'ca.pem'))).code).toBe(0);
  });

  it('keeps a device from enrolling at another controller, and nothing of the token is sent there', async () => {
    const token = await fleet.token();
    const claims = JSON.parse(Buffer.from(token.slice(5), 'base64url').toString('utf8')) as object;
    const changed = { ...claims, authority: STRANGER };
    const foreign = `nft1_${Buffer.from(JSON.stringify(changed)).toString('base64url')}`;
    const { code, err } = await enrol({ directory: join(scratch, 'lured'), name: 'lured', token: foreign });
    expect(code).toBe(1);
    expect(err).toContain('CONTROLLER_IDENTITY_WRONG');
    expect((await fleet.nanofleet('fleet-tokens', 'ls', '--json')).out).toContain('"usesLeft":1');
  });

  it('is nothing when the operator says that the system decides, which does not know our authority', async () => {
    const token = await fleet.token('--system-trust');
    const { err } = await enrol({ directory: join(scratch, 'public'), name: 'public', token });
    expect(err).toContain('CONTROLLER_UNREACHABLE');
  });

  it('is good in 1970 and in 2036: no date of listener or authority can lock a device out', async () => {
    const { tls } = await fleet.enrolled('undated');
    const { socket } = await handshake(fleet.controller.running.httpPort, tls);
    const { raw, issuerCertificate } = socket.getPeerCertificate(true);
    socket.destroy();
    for (const shown of [raw, issuerCertificate.raw]) {
      const { validFrom, validTo } = parseCertificate(shown);
      expect([validFrom, validTo]).toEqual(['Jan  1 00:00:00 1970 GMT', 'Dec 31 23:59:59 9999 GMT']);
    }
    expect(keyDigestOf(parseCertificate(issuerCertificate.raw))).toBe(
      fleet.controller.running.authorityKeyId,
    );
  });
});

describe('doctor', () => {
  const examine = async (directory: string) => {
    const { out } = await runAgentCommand('doctor', '--json', '--dir', directory);
    const { findings } = JSON.parse(out) as { findings: { check: string; state: string }[] };
    return new Map(findings.map(({ check, state }) => [check, state]));
  };

  it('finds the controller and the broker of the pinned authority good', async () => {
    const { directory } = await fleet.enrolled('examined');
    const states = await examine(directory);
    expect([states.get('controller'), states.get('broker'), states.get('clock')]).toEqual(
      Array(3).fill('fine'),
    );
  });

  it('finds them wrong when they have certificates of another authority', async () => {
    const { directory } = await fleet.enrolled('deceived');
    const elsewhere = { directory: scratch, fleet: FLEET, given: null, random: systemRandom };
    const { certificate: authorities } = await Authority.open(elsewhere);
    const path = join(directory, 'certificate.json');
    const kept = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...kept, authorities }), { mode: 0o600 });
    const states = await examine(directory);
    expect([states.get('controller'), states.get('broker')]).toEqual(['wrong', 'wrong']);
  });
});

describe('a certificate', () => {
  it('connects an agent and lets it fetch, and nothing else does', async () => {
    const { directory, tls } = await fleet.enrolled('porch');
    const agent = await startAgentHere(directory);
    await untilConnected(agent);
    expect(await fleet.ask(tls, BLOB)).toBe('NOT_FOUND');
    expect(await fleet.ask({ ca: tls.ca }, BLOB)).toBe('CERTIFICATE_INVALID');
  });

  it('opens the broker for its own device alone, and without one there is no broker', async () => {
    const { tls } = await fleet.enrolled('door');
    expect(await fleet.comeIn({ device: 'door', tls })).toBe('in');
    expect(await fleet.comeIn({ device: 'porch', tls })).toBe('refused');
    expect(await fleet.comeIn({ device: 'door', tls: { ca: tls.ca } })).toBe('lost');
  });

  it('opens nothing once its device is revoked, also by a session that began before', async () => {
    const { tls } = await fleet.enrolled('stolen');
    const { session, socket } = await handshake(fleet.controller.running.httpPort, tls);
    socket.destroy();
    expect((await fleet.nanofleet('devices', 'revoke', 'stolen')).code).toBe(0);
    expect(await fleet.comeIn({ device: 'stolen', tls })).toBe('refused');
    expect(await fleet.ask({ ...tls, session }, BLOB)).toBe('DEVICE_REVOKED');
  });

  it('that has run out is renewed by the device itself, with its own key', async () => {
    fleet.controller.passMs(-MONTHS_MS);
    const { directory, tls } = await fleet.enrolled('away');
    fleet.controller.passMs(MONTHS_MS);
    expect(await fleet.comeIn({ device: 'away', tls })).toBe('refused');
    const agent = await startAgentHere(directory);
    await untilConnected(agent);
    expect(readFileSync(join(directory, 'certificate.json'), 'utf8')).not.toContain(JSON.stringify(tls.cert));
  });

  it('is not given for the key of another device, for an old nonce, or to a revoked device', async () => {
    const { tls } = await fleet.enrolled('victim');
    const keys = { device: generateSigningKey(), tls: generateTlsKey() };
    const { nonce } = (await fleet.ask(tls, DEVICE_PATHS.nonce, {})) as { nonce: string };
    const asked = (name: string, of: string) => ({ device: name, nonce: of, tls: tlsRequestOf(keys, of) });
    expect(await fleet.ask(tls, DEVICE_PATHS.certificate, asked('victim', nonce))).toBe('INPUT_INVALID');
    expect(await fleet.ask(tls, DEVICE_PATHS.certificate, asked('stolen', nonce))).toBe('DEVICE_REVOKED');
    const made = Buffer.alloc(32).toString('base64');
    expect(await fleet.ask(tls, DEVICE_PATHS.certificate, asked('victim', made))).toBe('NONCE_INVALID');
    fleet.controller.passMs(NONCE_MS + 1);
    expect(await fleet.ask(tls, DEVICE_PATHS.certificate, asked('victim', nonce))).toBe('NONCE_INVALID');
    expect(await fleet.comeIn({ device: 'victim', tls })).toBe('in');
  });
});

it.each([
  ['1970', 1_000],
  ['ten years ahead', Date.UTC(2036, 10, 27)],
])(
  'an agent whose clock says %s enrols, connects, fetches, and renews when it is refused',
  async (title, unixMs) => {
    const clock = vi.spyOn(systemClock, 'unixMs').mockReturnValue(unixMs);
    onTestFinished(() => clock.mockRestore());
    const name = `clock-${title.replaceAll(' ', '-')}`;
    fleet.controller.passMs(-MONTHS_MS);
    const { directory, tls } = await fleet.enrolled(name);
    fleet.controller.passMs(MONTHS_MS);
    const agent = await startAgentHere(directory);
    await untilConnected(agent);
    expect(tlsIn(directory).cert).not.toBe(tls.cert);
    expect(await fleet.ask(tlsIn(directory), BLOB)).toBe('NOT_FOUND');
    await agent.stop();
  },
);

it('resumes sessions of before a restart, and counts them', async () => {
  const { tls } = await fleet.enrolled('steady');
  const { session, socket } = await handshake(fleet.controller.running.mqttPort, tls);
  socket.destroy();
  const token = readFileSync(join(fleet.controller.directory, 'admin-token'), 'utf8').trim();
  await fleet.controller.running.stop();
  await fleet.run();
  const resumed = 'nanofleet_tls_handshakes_total{kind="resumed"}';
  expect(await fleet.figure(resumed, token)).toBe(0);
  const again = open(fleet.controller.running.mqttPort, { ...tls, session });
  await once(again, 'secureConnect');
  expect(again.isSessionReused()).toBe(true);
  await expect.poll(() => fleet.figure(resumed, token)).toBe(1);
  again.destroy();
});
