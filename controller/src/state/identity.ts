/**
 * Who this controller is: fleet, own signing key, publishers that it knows, addresses that it tells. Signs desired
 * states and enrolments. Never holds a key that can sign a model.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type DesiredTrust,
  type Digest,
  type FleetId,
  NanofleetError,
  type RotationPart,
} from '@nanofleet/protocol';
import {
  fingerprintOf,
  generateSigningKey,
  generateTlsKey,
  readSigningKey,
  type SigningKey,
  sha256Of,
  signBytes,
  writeKeyFile,
  writeSigningKey,
} from '@nanofleet/protocol/node';
import { type Random, randomHex } from '@nanofleet/runtime/ports';
import type { Settings } from '../ports/settings.ts';
import { Authority } from './authority.ts';
import { type BrokerIdentities, provideBrokerFiles } from './broker-files.ts';
import { ListenerTls } from './listener-tls.ts';
import { nextAuthorityFiles, nextKeyFile, RotationFiles, type RotationState } from './rotation.ts';

const KEY_FILE = 'controller.key.pem';
const ID_FILE = 'controller-id';
const ID_BYTES = 8;
/** Version that the controller tells operators. */
const CONTROLLER_VERSION = '0.1.0';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** The controller's identity. */
export class Identity {
  readonly fleet: FleetId;
  /** Names this state directory among the controllers of a fleet; one process has it at a time. */
  readonly controllerId: string;
  /** Raw Ed25519 keys of the publishers, base64. */
  readonly publisherKeys: readonly string[];
  readonly publisherKeyIds: readonly Digest[];
  /** What the listeners speak; null for plain connections on this machine. */
  readonly tls: ListenerTls | null;
  /** What this controller shows at a broker that takes certificates; null at any other. */
  readonly brokerIdentities: BrokerIdentities | null;
  readonly #settings: Settings;
  readonly #random: Random;
  readonly #rotation: RotationFiles;
  #keys: Keys;
  /** What takes over when the rotation that is announced ends. */
  #next: Partial<Keys>;
  #ports = { http: 0, mqtt: 0 };

  private constructor(settings: Settings, random: Random, made: Made) {
    this.#settings = settings;
    this.#random = random;
    this.#keys = made.keys;
    this.#next = made.next;
    this.#rotation = made.rotation;
    this.controllerId = made.id;
    this.tls = made.tls;
    this.brokerIdentities = made.brokerIdentities;
    this.fleet = settings.fleet;
    this.publisherKeys = settings.publisherKeys.map(base64);
    this.publisherKeyIds = settings.publisherKeys.map(fingerprintOf);
  }

  /**
   * Reads key and id below the state directory, or makes them at the first start. A key that was named is not made: it
   * is the one that all controllers of the fleet have.
   */
  static async open(settings: Settings, random: Random): Promise<Identity> {
    const rotation = await RotationFiles.open(settings.directory);
    const path = settings.controllerKeyFile ?? join(settings.directory, KEY_FILE);
    const isOwn = settings.controllerKeyFile === null;
    if (isOwn && !existsSync(path)) await writeSigningKey(path, generateSigningKey());
    const id = await provideId(join(settings.directory, ID_FILE), random);
    const signing = await readSigningKey(path);
    const authority = needsAuthority(settings) ? await openAuthority(settings, random) : null;
    const retired = await rotation.retiredAuthority();
    const tls =
      authority !== null && isSecure(settings)
        ? await ListenerTls.open(settings, { authority, retired }, random)
        : null;
    const brokerIdentities = authority === null ? null : await identitiesAt(settings, authority, random);
    const next = await openNext(settings, rotation, random);
    const keys = { signing, authority };
    return new Identity(settings, random, { keys, next, rotation, id, tls, brokerIdentities });
  }

  /** Fingerprint of the key that signs. */
  get keyId(): Digest {
    return this.#keys.signing.fingerprint;
  }

  /** Raw Ed25519 key, base64. */
  get publicKey(): string {
    return base64(this.#keys.signing.publicKey);
  }

  /** Whose certificates devices get; null while nothing here is reached over TLS. */
  get authority(): Authority | null {
    return this.#keys.authority;
  }

  /** How the last rotation stands; null before the first. */
  get rotation(): (RotationState & { next: Digest | null }) | null {
    const { state } = this.#rotation;
    const next = this.#next.signing?.fingerprint ?? this.#next.authority?.keyId ?? null;
    return state === null ? null : { ...state, next };
  }

  /** Whom devices are told to trust; null before the first rotation, when enrolment has said it. */
  get trust(): DesiredTrust | null {
    const { state } = this.#rotation;
    if (state === null) return null;
    const signing = [this.#keys.signing, this.#next.signing].filter((key) => key !== undefined);
    const { authorities } = this;
    return {
      version: state.version,
      controllerKeys: signing.map(({ publicKey }) => base64(publicKey)),
      ...(authorities === null ? {} : { authorities }),
    };
  }

  /** PEM of the authorities that are to be believed now; null where there is none. */
  get authorities(): string | null {
    const all = [this.#keys.authority, this.#next.authority].flatMap((authority) =>
      authority === null || authority === undefined ? [] : [authority.certificate.trim()],
    );
    return all.length === 0 ? null : `${all.join('\n')}\n`;
  }

  /**
   * Makes the next key of a part and announces it.
   * @throws NanofleetError SETTING_INVALID while another rotation is announced, or where the key was given
   */
  async announce(
    part: RotationPart,
    { endsAtMs, nowMs }: { endsAtMs: number; nowMs: number },
  ): Promise<void> {
    requireRotatable(this.#settings, part, this);
    const { directory } = this.#settings;
    await this.#rotation.clear(part);
    if (part === 'controller-key') await writeSigningKey(nextKeyFile(directory), generateSigningKey());
    else await makeNextAuthority(this.#settings, this.#random);
    await this.#rotation.announce({ part, startedAtMs: nowMs, endsAtMs });
    this.#next = await openNext(this.#settings, this.#rotation, this.#random);
  }

  /** Lets the next key take over; nothing when none is announced. */
  async finishRotation(): Promise<void> {
    if (this.#rotation.state?.phase !== 'announced') return;
    await this.#rotation.finish(this.keyId);
    const { authority } = this.#next;
    this.#keys = { ...this.#keys, ...this.#next };
    this.#next = {};
    if (authority !== undefined && authority !== null)
      await this.tls?.followAuthority({ authority, retired: await this.#rotation.retiredAuthority() });
  }

  /** Notes which ports the listeners got. */
  listensOn(ports: { http: number; mqtt: number }): void {
    this.#ports = ports;
  }

  /** Signature over the UTF-8 bytes of a text, base64. */
  sign(text: string): string {
    return signBytes(this.#keys.signing, Buffer.from(text, 'utf8'));
  }

  /** Key of the codes in nonces: all controllers with this key have the same, and nobody else can make it. */
  get nonceKey(): Buffer {
    return Buffer.from(sha256Of(this.sign('nanofleet nonces 1')), 'hex');
  }

  /** Where devices enrol and fetch blobs. */
  get deviceUrl(): string {
    const scheme = this.tls === null ? 'http' : 'https';
    return this.#settings.advertisedHttpUrl ?? `${scheme}://${this.#host()}:${this.#ports.http}`;
  }

  /** Where devices connect to the broker. */
  get brokerUrl(): string {
    const { advertisedMqttUrl, broker } = this.#settings;
    const scheme = this.tls === null ? 'mqtt' : 'mqtts';
    return advertisedMqttUrl ?? broker?.url ?? `${scheme}://${this.#host()}:${this.#ports.mqtt}`;
  }

  /** How the cookie of a browser's session is called and guarded. */
  get cookie(): { keyId: Digest; isSecure: boolean } {
    // A proxy in front that speaks TLS says so in the address that operators are told.
    return { keyId: this.keyId, isSecure: this.deviceUrl.startsWith('https://') };
  }

  /** What an operator may know. */
  shown() {
    return {
      fleet: this.fleet,
      controllerVersion: CONTROLLER_VERSION,
      controllerKeyId: this.keyId,
      publisherKeyIds: [...this.publisherKeyIds],
      deviceUrl: this.deviceUrl,
      authorityKeyId: this.#pinnedAuthority,
    };
  }

  /** What devices are to pin: nothing where the listener has a certificate that somebody else has signed. */
  get #pinnedAuthority(): Digest | null {
    const isOurs = this.#settings.certificate === null && this.tls !== null;
    return isOurs && this.authority !== null ? this.authority.keyId : null;
  }

  #host(): string {
    const { host: given } = this.#settings;
    // An address that means all addresses leads nowhere from another machine.
    const host = given === '0.0.0.0' || given === '::' ? hostname() : given;
    return host.includes(':') ? `[${host}]` : host;
  }
}

/** What of a controller can be rotated. */
interface Keys {
  readonly signing: SigningKey;
  readonly authority: Authority | null;
}

interface Made extends Pick<Identity, 'brokerIdentities' | 'tls'> {
  readonly id: string;
  readonly keys: Keys;
  readonly next: Partial<Keys>;
  readonly rotation: RotationFiles;
}

/** The keys that are announced, from their files. */
const openNext = async (
  { directory, fleet }: Settings,
  { state }: RotationFiles,
  random: Random,
): Promise<Partial<Keys>> => {
  if (state?.phase !== 'announced') return {};
  if (state.part === 'controller-key') return { signing: await readSigningKey(nextKeyFile(directory)) };
  const given = nextAuthorityFiles(directory);
  return { authority: await Authority.open({ directory, fleet, given, random }) };
};

const makeNextAuthority = async ({ directory, fleet }: Settings, random: Random): Promise<void> => {
  const { certificateFile, keyFile } = nextAuthorityFiles(directory);
  const key = generateTlsKey();
  await writeKeyFile(keyFile, key);
  const { makeAuthorityCertificate } = await import('./certificates.ts');
  await writeFile(certificateFile, await makeAuthorityCertificate(`nanofleet ${fleet}`, { key, random }));
};

/** @throws NanofleetError SETTING_INVALID */
const requireRotatable = (
  { authority: given = null, broker, controllerKeyFile }: Settings,
  part: RotationPart,
  { authority, rotation }: Pick<Identity, 'authority' | 'rotation'>,
): void => {
  const refuse = (why: string) =>
    new NanofleetError('SETTING_INVALID', `The ${part} cannot be rotated: ${why}`);
  if (rotation?.phase === 'announced')
    throw refuse(`the rotation of the ${rotation.part} is not finished: nanofleet rotation show.`);
  const isGiven = part === 'authority' ? given !== null : controllerKeyFile !== null;
  if (isGiven) throw refuse('it was given by a file, which other controllers of this fleet may have, too.');
  if (part === 'controller-key') return;
  if (authority === null) throw refuse('nothing of this controller speaks TLS.');
  if (broker?.rights === 'certificates')
    throw refuse(
      'mosquitto believes the one in broker/ca.pem; give another with --ca-cert and enrol devices again.',
    );
};

const isSecure = ({ certificate, isSecure: asked = certificate !== null }: Settings): boolean => asked;

/** A broker of others over TLS asks devices for certificates, too. */
const needsAuthority = (settings: Settings): boolean =>
  isSecure(settings) || settings.broker?.url.startsWith('mqtts:') === true;

const identitiesAt = (settings: Settings, authority: Authority, random: Random) => {
  const { advertisedMqttUrl, broker, directory, fleet } = settings;
  if (broker?.rights !== 'certificates') return null;
  const hosts = [advertisedMqttUrl, broker.url].flatMap((url) => (url === null ? [] : [hostOf(url)]));
  const names = [...new Set([...hosts, 'localhost', '127.0.0.1', '::1'])];
  return provideBrokerFiles({ directory, fleet, authority, names, random });
};

const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

const openAuthority = ({ authority: given = null, directory, fleet }: Settings, random: Random) =>
  Authority.open({ directory, fleet, given, random });

const provideId = async (path: string, random: Random): Promise<string> => {
  const made = randomHex(random, ID_BYTES);
  // `wx`: an id that is there stays; the directory is locked, so nobody else writes it now.
  await writeFile(path, made, { flag: 'wx' }).catch((thrown: unknown) => {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  });
  const id = (await readFile(path, 'utf8')).trim();
  return /^[0-9a-f]{16}$/.test(id) ? id : made;
};
