/**
 * Who this controller is: fleet, own signing key, publishers that it knows, addresses that it tells. Signs desired
 * states and enrolments. Never holds a key that can sign a model.
 */
import { existsSync } from 'node:fs';
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
import type { Settings } from '../ports/settings.ts';

const KEY_FILE = 'controller.key.pem';
/** Version that the controller tells operators. */
const CONTROLLER_VERSION = '0.1.0';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** The controller's identity. */
export class Identity {
  readonly fleet: FleetId;
  readonly keyId: Digest;
  /** Raw Ed25519 key, base64. */
  readonly publicKey: string;
  /** Raw Ed25519 keys of the publishers, base64. */
  readonly publisherKeys: readonly string[];
  readonly publisherKeyIds: readonly Digest[];
  readonly #key: SigningKey;
  readonly #settings: Settings;
  #ports = { http: 0, mqtt: 0 };

  private constructor(settings: Settings, key: SigningKey) {
    this.#settings = settings;
    this.#key = key;
    this.fleet = settings.fleet;
    this.keyId = key.fingerprint;
    this.publicKey = base64(key.publicKey);
    this.publisherKeys = settings.publisherKeys.map(base64);
    this.publisherKeyIds = settings.publisherKeys.map(fingerprintOf);
  }

  /** Reads the key below the state directory, or makes it at the first start. */
  static async open(settings: Settings): Promise<Identity> {
    const path = join(settings.directory, KEY_FILE);
    if (!existsSync(path)) await writeSigningKey(path, generateSigningKey());
    return new Identity(settings, await readSigningKey(path));
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
    const scheme = this.#settings.certificate === null ? 'mqtt' : 'mqtts';
    return this.#settings.advertisedMqttUrl ?? `${scheme}://${this.#host()}:${this.#ports.mqtt}`;
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
