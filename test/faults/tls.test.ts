// Identity over TLS, with the real programs: what a token pins, what a certificate opens, what a revocation, a lapse and a
// restart do to it.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { tlsRequestOf } from '@nanofleet/agent';
import { runProgram } from '@nanofleet/cli';
import { clientIdOf, DEVICE_PATHS, type DeviceId, KEEPALIVE_S, NONCE_MS } from '@nanofleet/protocol';
import {
  generateSigningKey,
  generateTlsKey,
  keyDigestOf,
  parseCertificate,
  writeSigningKey,
} from '@nanofleet/protocol/node';
import { makeMqttTransport } from '@nanofleet/runtime/mqtt';
import type { TlsIdentity } from '@nanofleet/runtime/ports';
import { beforeAll, describe, expect, it } from 'vitest';
import { enrol, mustEnrol, startAgentHere, untilConnected } from './parts/agents.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { FLEET } from './parts/operator.ts';
import { keepStandardError } from './parts/quiet.ts';

const scratch = scratchDirectory();
const publisher = generateSigningKey();
const profile = join(scratch, 'profile');
const MONTHS_MS = 40 * 86_400_000;
const STRANGER = '0'.repeat(64);
const BLOB = `${DEVICE_PATHS.blob}${'a'.repeat(64)}`;
let controller: TestController;

/** Runs the operators' command. */
const nanofleet = async (...argv: string[]) => {
  const shown = { out: '', err: '' };
  const sink = (name: 'out' | 'err') => ({
    write: (text: string) => void (shown[name] += text),
    isTTY: false,
    columns: 80,
  });
  const world = {
    ...{ env: {}, home: scratch, stdout: sink('out'), stderr: sink('err') },
    ...{ now: () => 0, sleep: () => Promise.resolve(), deadline: () => new AbortController().signal },
  };
  const code = await runProgram(world, [...argv, '--profile', profile]);
  return { code, ...shown };
};

const login = (...flags: string[]) =>
  nanofleet('login', address(), '--token-file', join(controller.directory, 'admin-token'), ...flags);

const address = (): string => `https://127.0.0.1:${controller.running.httpPort}`;

const tokenOf = async (...flags: string[]): Promise<string> =>
  (await nanofleet('fleet-tokens', 'new', 'homes', '--group', 'homes', ...flags)).out.trim();

/** Enrols a device; what its certificate is made of, as TLS takes it. */
const enrolled = async (name: string): Promise<{ directory: string; tls: Required<TlsIdentity> }> => {
  const directory = join(scratch, name);
  await mustEnrol({ directory, name, token: await tokenOf() });
  const kept = JSON.parse(readFileSync(join(directory, 'certificate.json'), 'utf8')) as Record<
    string,
    string
  >;
  const key = readFileSync(join(directory, 'tls.key'), 'utf8');
  return { directory, tls: { ca: [kept['authorities'] ?? ''], cert: kept['certificate'] ?? '', key } };
};

/** Tries to come in at the broker. */
const comeIn = ({ device, tls }: { device: string; tls: TlsIdentity }): Promise<'in' | 'refused' | 'lost'> =>
  new Promise((resolve) => {
    const connection = makeMqttTransport().connect(
      {
        url: `mqtts://127.0.0.1:${controller.running.mqttPort}`,
        clientId: clientIdOf(FLEET, device as DeviceId),
        password: '',
        keepaliveS: KEEPALIVE_S,
        connectTimeoutMs: 5_000,
        tls,
      },
      {
        opened: () => {
          resolve('in');
          void connection.end({ isOrderly: true });
        },
        received: () => undefined,
        closed: (_reason, { isRefused }) => resolve(isRefused ? 'refused' : 'lost'),
      },
    );
  });

const open = (port: number, { ca = [], ...others }: TlsIdentity & { session?: Buffer }): TLSSocket =>
  connect({ host: '127.0.0.1', port, ca: [...ca], ...others });

/** One handshake at a port, with the session that came of it. */
const handshake = async (port: number, tls: TlsIdentity): Promise<{ socket: TLSSocket; session: Buffer }> => {
  const socket = open(port, tls);
  const [session] = (await once(socket, 'session')) as [Buffer];
  return { socket, session };
};

/** Asks a route for devices; the code of its problem, or the answer. */
const ask = async (
  tls: TlsIdentity & { session?: Buffer },
  path: string,
  body?: object,
): Promise<unknown> => {
  const { ca = [], ...others } = tls;
  const call = request(`${address()}${path}`, {
    ...{ ca: [...ca], ...others, agent: false, method: body === undefined ? 'GET' : 'POST' },
    headers: { authorization: 'Bearer x:y', 'content-type': 'application/json' },
  });
  call.end(body === undefined ? '' : JSON.stringify(body));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of response) text += String(piece);
  const answer = JSON.parse(text) as { code?: string };
  return answer.code ?? answer;
};

beforeAll(async () => {
  keepStandardError();
  controller = await startTestController({ publisher, settings: { isSecure: true } });
  await writeSigningKey(join(profile, 'publisher.key'), publisher);
  expect(await login('--authority', controller.running.authorityKeyId ?? '')).toMatchObject({ code: 0 });
});

describe('what is pinned', () => {
  it('lets an operator in only at the controller whose authority it is', async () => {
    expect((await login('--authority', STRANGER)).err).toContain('CONTROLLER_IDENTITY_WRONG');
    expect((await login()).err).toContain('CONTROLLER_UNREACHABLE');
    expect((await login('--ca', join(controller.directory, 'ca.pem'))).code).toBe(0);
  });

  it('keeps a device from enrolling at another controller, and nothing of the token is sent there', async () => {
    const token = await tokenOf();
    const claims = JSON.parse(Buffer.from(token.slice(5), 'base64url').toString('utf8')) as object;
    const changed = { ...claims, authority: STRANGER };
    const foreign = `nft1_${Buffer.from(JSON.stringify(changed)).toString('base64url')}`;
    const { code, err } = await enrol({ directory: join(scratch, 'lured'), name: 'lured', token: foreign });
    expect(code).toBe(1);
    expect(err).toContain('CONTROLLER_IDENTITY_WRONG');
    expect((await nanofleet('fleet-tokens', 'ls', '--json')).out).toContain('"usesLeft":1');
  });

  it('is nothing when the operator says that the system decides, which does not know our authority', async () => {
    const token = await tokenOf('--system-trust');
    const { err } = await enrol({ directory: join(scratch, 'public'), name: 'public', token });
    expect(err).toContain('CONTROLLER_UNREACHABLE');
  });

  it('is good in 1970 and in 2036: no date of listener or authority can lock a device out', async () => {
    const { tls } = await enrolled('undated');
    const { socket } = await handshake(controller.running.httpPort, tls);
    const { raw, issuerCertificate } = socket.getPeerCertificate(true);
    socket.destroy();
    for (const shown of [raw, issuerCertificate.raw]) {
      const { validFrom, validTo } = parseCertificate(shown);
      expect([validFrom, validTo]).toEqual(['Jan  1 00:00:00 1970 GMT', 'Dec 31 23:59:59 9999 GMT']);
    }
    expect(keyDigestOf(parseCertificate(issuerCertificate.raw))).toBe(controller.running.authorityKeyId);
  });
});

describe('a certificate', () => {
  it('connects an agent and lets it fetch, and nothing else does', async () => {
    const { directory, tls } = await enrolled('porch');
    const agent = await startAgentHere(directory);
    await untilConnected(agent);
    expect(await ask(tls, BLOB)).toBe('NOT_FOUND');
    expect(await ask({ ca: tls.ca }, BLOB)).toBe('CERTIFICATE_INVALID');
  });

  it('opens the broker for its own device alone, and without one there is no broker', async () => {
    const { tls } = await enrolled('door');
    expect(await comeIn({ device: 'door', tls })).toBe('in');
    expect(await comeIn({ device: 'porch', tls })).toBe('refused');
    expect(await comeIn({ device: 'door', tls: { ca: tls.ca } })).toBe('lost');
  });

  it('opens nothing once its device is revoked, also by a session that began before', async () => {
    const { tls } = await enrolled('stolen');
    const { session, socket } = await handshake(controller.running.httpPort, tls);
    socket.destroy();
    expect((await nanofleet('devices', 'revoke', 'stolen')).code).toBe(0);
    expect(await comeIn({ device: 'stolen', tls })).toBe('refused');
    expect(await ask({ ...tls, session }, BLOB)).toBe('DEVICE_REVOKED');
  });

  it('that has run out is renewed by the device itself, with its own key', async () => {
    controller.passMs(-MONTHS_MS);
    const { directory, tls } = await enrolled('away');
    controller.passMs(MONTHS_MS);
    expect(await comeIn({ device: 'away', tls })).toBe('refused');
    const agent = await startAgentHere(directory);
    await untilConnected(agent);
    expect(readFileSync(join(directory, 'certificate.json'), 'utf8')).not.toContain(JSON.stringify(tls.cert));
  });

  it('is not given for the key of another device, for an old nonce, or to a revoked device', async () => {
    const { tls } = await enrolled('victim');
    const keys = { device: generateSigningKey(), tls: generateTlsKey() };
    const { nonce } = (await ask(tls, DEVICE_PATHS.nonce, {})) as { nonce: string };
    const asked = (name: string, of: string) => ({ device: name, nonce: of, tls: tlsRequestOf(keys, of) });
    expect(await ask(tls, DEVICE_PATHS.certificate, asked('victim', nonce))).toBe('INPUT_INVALID');
    expect(await ask(tls, DEVICE_PATHS.certificate, asked('stolen', nonce))).toBe('DEVICE_REVOKED');
    const made = Buffer.alloc(32).toString('base64');
    expect(await ask(tls, DEVICE_PATHS.certificate, asked('victim', made))).toBe('NONCE_INVALID');
    controller.passMs(NONCE_MS + 1);
    expect(await ask(tls, DEVICE_PATHS.certificate, asked('victim', nonce))).toBe('NONCE_INVALID');
    expect(await comeIn({ device: 'victim', tls })).toBe('in');
  });
});

it('resumes sessions of before a restart', async () => {
  const { tls } = await enrolled('steady');
  const { session, socket } = await handshake(controller.running.mqttPort, tls);
  socket.destroy();
  await controller.running.stop();
  controller = await startTestController({
    publisher,
    directory: controller.directory,
    settings: { isSecure: true },
  });
  const again = open(controller.running.mqttPort, { ...tls, session });
  await once(again, 'secureConnect');
  expect(again.isSessionReused()).toBe(true);
  again.destroy();
});
