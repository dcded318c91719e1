/**
 * Who this controller is: fleet, own signing key, publishers that it knows, addresses that it tells. Signs desired
 * states and enrolments. Never holds a key that can sign a model.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Digest, FleetId } from '@nanofleet/protocol';
import {
  fingerprintOf,
  generateSigningKey,
  readSigningKey,
  type SigningKey,
  sha256Of,
  signBytes,
  writeSigningKey,
} from '@nanofleet/protocol/node';
import { type Random, randomHex } from '@nanofleet/runtime/ports';
import type { Settings } from '../ports/settings.ts';
import { Authority } from './authority.ts';
import { type BrokerIdentities, provideBrokerFiles } from './broker-files.ts';
import { ListenerTls } from './listener-tls.ts';

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
  readonly keyId: Digest;
  /** Raw Ed25519 key, base64. */
  readonly publicKey: string;
  /** Raw Ed25519 keys of the publishers, base64. */
  readonly publisherKeys: readonly string[];
  readonly publisherKeyIds: readonly Digest[];
  /** Whose certificates devices get; null while nothing here is reached over TLS. */
  readonly authority: Authority | null;
  /** What the listeners speak; null for plain connections on this machine. */
  readonly tls: ListenerTls | null;
  /** What this controller shows at a broker that takes certificates; null at any other. */
  readonly brokerIdentities: BrokerIdentities | null;
  readonly #key: SigningKey;
  readonly #settings: Settings;
  #ports = { http: 0, mqtt: 0 };

  private constructor(
    settings: Settings,
    {
      authority,
      brokerIdentities,
      id,
      key,
      tls,
    }: Pick<Identity, 'authority' | 'brokerIdentities' | 'tls'> & { id: string; key: SigningKey },
  ) {
    this.#settings = settings;
    this.#key = key;
    this.controllerId = id;
    this.authority = authority;
    this.tls = tls;
    this.brokerIdentities = brokerIdentities;
    this.fleet = settings.fleet;
    this.keyId = key.fingerprint;
    this.publicKey = base64(key.publicKey);
    this.publisherKeys = settings.publisherKeys.map(base64);
    this.publisherKeyIds = settings.publisherKeys.map(fingerprintOf);
  }

  /**
   * Reads key and id below the state directory, or makes them at the first start. A key that was named is not made: it
   * is the one that all controllers of the fleet have.
   */
  static async open(settings: Settings, random: Random): Promise<Identity> {
    const path = settings.controllerKeyFile ?? join(settings.directory, KEY_FILE);
    const isOwn = settings.controllerKeyFile === null;
    if (isOwn && !existsSync(path)) await writeSigningKey(path, generateSigningKey());
    const id = await provideId(join(settings.directory, ID_FILE), random);
    const key = await readSigningKey(path);
    const authority = needsAuthority(settings) ? await openAuthority(settings, random) : null;
    const tls =
      authority !== null && isSecure(settings) ? await ListenerTls.open(settings, authority, random) : null;
    const brokerIdentities = authority === null ? null : await identitiesAt(settings, authority, random);
    return new Identity(settings, { authority, brokerIdentities, id, key, tls });
  }

  /** Notes which ports the listeners got. */
  listensOn(ports: { http: number; mqtt: number }): void {
    this.#ports = ports;
  }

  /** Signature over the UTF-8 bytes of a text, base64. */
  sign(text: string): string {
    return signBytes(this.#key, Buffer.from(text, 'utf8'));
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
