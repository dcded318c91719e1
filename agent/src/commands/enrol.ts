/**
 * `nanofleet-agent enrol`: makes the device's key, proves it to the controller, checks that the controller is the one
 * that the fleet token pins, and writes the identity. Can be repeated: the same key gets a new credential.
 */
import {
  DEVICE_PATHS,
  deviceIdSchema,
  type Enrolment,
  enrolAnswerSchema,
  enrolmentSchema,
  errorOfProblem,
  NanofleetError,
  parseId,
} from '@nanofleet/protocol';
import {
  decodeFleetToken,
  type FleetToken,
  fingerprintOf,
  isSignedBy,
  signBytes,
} from '@nanofleet/protocol/node';
import type { TlsIdentity } from '@nanofleet/runtime/ports';
import { findAuthority } from '@nanofleet/runtime/tls';
import { checkPrivateUrl } from '../link/private-url.ts';
import { type DeviceKeys, tlsRequestOf } from '../link/tls-request.ts';
import { fileDisk } from '../ports/file-disk.ts';
import { closeHttp, sendHttp } from '../ports/http-client.ts';
import { makeSystemRandom } from '../ports/system-random.ts';
import { provideKeys } from '../store/device-keys.ts';
import { keepEnrolment } from '../store/enrolled.ts';
import { findIdentity } from '../store/identity.ts';
import { lockState } from '../store/state-lock.ts';
import { type Command, needed, type Terminal } from './command.ts';
import { directoryOf } from './local-client.ts';

const ANSWER_BYTES_MAX = 65_536;
const NONCE_BYTES = 32;
/** More is no token; what follows is not read. */
const TOKEN_LENGTH_MAX = 4_096;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // Whatever answered is not the controller; the caller's check of the value says so.
    return null;
  }
};

const impostor = (why: string): NanofleetError =>
  new NanofleetError(
    'CONTROLLER_IDENTITY_WRONG',
    `the answer is not of the controller that the token pins: ${why}`,
  );

interface Asked {
  readonly token: FleetToken;
  readonly device: string;
  readonly nonce: string;
}

/** The enrolment in a signed answer. @throws NanofleetError CONTROLLER_IDENTITY_WRONG */
const checkAnswer = (body: unknown, { token, device, nonce }: Asked): Enrolment => {
  const answer = enrolAnswerSchema.safeParse(body);
  if (!answer.success) throw impostor('it has another form');
  const { signed, signature } = answer.data;
  const parsed = enrolmentSchema.safeParse(parseJson(signed));
  if (!parsed.success) throw impostor('what it signed has another form');
  const enrolment = parsed.data;
  const key = Buffer.from(enrolment.controllerKey, 'base64');
  if (fingerprintOf(key) !== token.controller) throw impostor('its key has another fingerprint');
  if (!isSignedBy(key, { bytes: Buffer.from(signed), signature })) throw impostor('its signature is wrong');
  if (enrolment.nonce !== nonce) throw impostor('it answers another question');
  if (enrolment.device !== device || enrolment.fleet !== token.fleet)
    throw impostor('it is for another device');
  return enrolment;
};

/** Whom the request may go to: a token with a pinned authority leads to nobody else. */
const believed = async ({ authority, url }: FleetToken): Promise<TlsIdentity> =>
  authority === undefined || !url.startsWith('https:') ? {} : { ca: [await findAuthority(url, authority)] };

const request = async (asked: Asked, keys: DeviceKeys): Promise<Enrolment> => {
  const { token, device, nonce } = asked;
  const { device: key } = keys;
  const answer = await sendHttp({
    method: 'POST',
    url: new URL(DEVICE_PATHS.enrol, token.url).href,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      tokenId: token.tokenId,
      secret: token.secret,
      device,
      publicKey: base64(key.publicKey),
      nonce,
      proof: signBytes(key, Buffer.from(nonce, 'base64')),
      tls: tlsRequestOf(keys, nonce),
    }),
    tls: await believed(token),
    bytesMax: ANSWER_BYTES_MAX,
  });
  const body = parseJson(answer.body.toString('utf8'));
  if (answer.status < 300) return checkAnswer(body, asked);
  throw (
    errorOfProblem(body) ??
    new NanofleetError('CONTROLLER_UNREACHABLE', `${token.url} answered with status ${answer.status}`)
  );
};

/** Records, decisions and bundles of one device must not become those of another. */
const refuseOther = (directory: string, wanted: { fleet: string; device: string }): void => {
  const found = findIdentity(fileDisk, directory);
  if (found === null || (found.fleet === wanted.fleet && found.device === wanted.device)) return;
  throw new NanofleetError(
    'SETTING_INVALID',
    `${directory} belongs to ${found.device} of fleet ${found.fleet}. Give another --dir, or move it away.`,
  );
};

const enrol = async (directory: string, token: FleetToken, name: string): Promise<Enrolment> => {
  const device = parseId(deviceIdSchema, name);
  checkPrivateUrl(token.url);
  fileDisk.makeDirectory(directory);
  const unlock = lockState(directory);
  try {
    refuseOther(directory, { fleet: token.fleet, device });
    const keys = await provideKeys(directory);
    const nonce = base64(makeSystemRandom().bytes(NONCE_BYTES));
    const enrolment = await request({ token, device, nonce }, keys);
    checkPrivateUrl(enrolment.brokerUrl);
    const isPinned = token.authority !== undefined;
    const { tls } = enrolment;
    keepEnrolment(fileDisk, directory, {
      certificate: tls === undefined ? null : { ...tls, isPinned, takenAtMs: null },
      identity: {
        fleet: enrolment.fleet,
        device,
        group: enrolment.group,
        credential: enrolment.credential,
        brokerUrl: enrolment.brokerUrl,
        controllerUrl: token.url,
        controllerKey: enrolment.controllerKey,
        // Only what the token pins: keys that the controller names cannot add to it.
        publisherFingerprints: [token.publisher],
        ...(token.root === undefined ? {} : { root: token.root }),
      },
    });
    return enrolment;
  } finally {
    unlock();
    closeHttp();
  }
};

/** The token itself: an argument can be read in lists of processes, standard input cannot. */
const tokenIn = async (given: string, terminal: Terminal): Promise<string> => {
  if (given !== '-') return given;
  let text = '';
  for await (const piece of terminal.input()) {
    text += Buffer.from(piece).toString('utf8');
    if (text.length > TOKEN_LENGTH_MAX) break;
  }
  return text;
};

/** The command. */
export const enrolCommand: Command = {
  name: 'enrol',
  summary: 'Makes this device a member of a fleet.',
  usage: '--dir DIR --token nft1_… --name NAME',
  flags: {
    dir: { help: 'state directory (default .nanofleet-agent)', value: 'DIR' },
    token: {
      help: 'fleet token, made by: nanofleet fleet-tokens new; - reads it from standard input',
      value: 'TOKEN',
    },
    name: { help: 'name of the device: a-z, 0-9, hyphen', value: 'NAME' },
  },
  async run({ flags }, terminal) {
    const token = decodeFleetToken(await tokenIn(needed(flags, 'token'), terminal));
    const { fleet, device, group } = await enrol(directoryOf(flags), token, needed(flags, 'name'));
    terminal.line(
      flags['json'] === true
        ? JSON.stringify({ enrolled: true, fleet, device, group })
        : `${device} is enrolled in ${fleet}, group ${group}. Start it: nanofleet-agent run --dir ${directoryOf(flags)}`,
    );
    return 0;
  },
};
