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
  signBytes,
  writeSigningKey,
} from '@nanofleet/protocol/node';
import { type Random, randomHex } from '@nanofleet/runtime/ports';
import type { Settings } from '../ports/settings.ts';

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
  readonly #key: SigningKey;
  readonly #settings: Settings;
  #ports = { http: 0, mqtt: 0 };

  private constructor(settings: Settings, { id, key }: { id: string; key: SigningKey }) {
    this.#settings = settings;
    this.#key = key;
    this.controllerId = id;
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
    return new Identity(settings, { id, key: await readSigningKey(path) });
  }

  /** Notes which ports the listeners got. */
  listensOn(ports: { http: number; mqtt: number }): void {
    this.#ports = ports;
  }

  /** Signature over the UTF-8 bytes of a text, base64. */
  sign(text: string): string {
    return signBytes(this.#key, Buffer.from(text, 'utf8'));
  }

  /** Where devices enrol and fetch blobs. */
  get deviceUrl(): string {
    const scheme = this.#settings.certificate === null ? 'http' : 'https';
    return this.#settings.advertisedHttpUrl ?? `${scheme}://${this.#host()}:${this.#ports.http}`;
  }

  /** Where devices connect to the broker. */
  get brokerUrl(): string {
    const { advertisedMqttUrl, broker, certificate } = this.#settings;
    const scheme = certificate === null ? 'mqtt' : 'mqtts';
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
    };
  }

  #host(): string {
    const { host: given } = this.#settings;
    // An address that means all addresses leads nowhere from another machine.
    const host = given === '0.0.0.0' || given === '::' ? hostname() : given;
    return host.includes(':') ? `[${host}]` : host;
  }
}

const provideId = async (path: string, random: Random): Promise<string> => {
  const made = randomHex(random, ID_BYTES);
  // `wx`: an id that is there stays; the directory is locked, so nobody else writes it now.
  await writeFile(path, made, { flag: 'wx' }).catch((thrown: unknown) => {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  });
  const id = (await readFile(path, 'utf8')).trim();
  return /^[0-9a-f]{16}$/.test(id) ? id : made;
};
