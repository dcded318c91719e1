/**
 * What the TLS of both listeners is made of: certificate and key (given, or from the fleet's authority), who may sign
 * devices' certificates, the keys of session tickets, which survive restarts. Owns these and hands new ones to servers
 * that run; never accepts a connection.
 */
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Server, TlsOptions } from 'node:tls';
import { HANDSHAKE_MS, TLS_SESSION_S } from '@nanofleet/protocol';
import { generateTlsKey, readKeyFile, writeKeyFile } from '@nanofleet/protocol/node';
import type { Clock, Log, Random } from '@nanofleet/runtime/ports';
import { factsOf } from '../ports/log.ts';
import type { Settings } from '../ports/settings.ts';
import type { Authority } from './authority.ts';

/** A machine that moved to another network is served under its new addresses after this. */
const LOOK_EVERY_MS = 60_000;
const KEY_FILE = 'server.key.pem';
const TICKET_FILE = 'tls-ticket-keys';
/** Name, AES and HMAC keys (Node's `ticketKeys`). */
const TICKET_BYTES = 48;
/** Node would take the command line of the process, with which tickets end when an option changes. */
const SESSION_CONTEXT = 'nanofleet';
const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

/** Host names and addresses that the listeners of these settings are reached by. */
const namesOf = ({ advertisedHttpUrl, advertisedMqttUrl, host }: Settings): string[] => {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const own = ANY_ADDRESS.has(host) ? [hostname(), ...addresses.map(({ address }) => address)] : [host];
  const told = [advertisedHttpUrl, advertisedMqttUrl].flatMap((url) =>
    url === null ? [] : [new URL(url).hostname.replace(/^\[|\]$/g, '')],
  );
  // Link-local addresses carry their interface; no certificate can.
  const names = [...told, ...own, 'localhost', '127.0.0.1', '::1'].filter((name) => !name.includes('%'));
  return [...new Set(names)].sort((one, other) => Number(other === hostname()) - Number(one === hostname()));
};

/** Who may have signed the certificates of devices. */
export interface Signers {
  readonly authority: Authority;
  /** PEM of the one before; null when there was none. */
  readonly retired: string | null;
}

/** Handshakes since the start; a resumed one costs no signature and sends no certificates. */
export interface Handshakes {
  readonly full: number;
  readonly resumed: number;
}

/** The TLS of the listeners. */
export class ListenerTls {
  readonly #settings: Settings;
  /** Who signs now, and the one before, which has signed certificates that devices still show. */
  #signers: Signers;
  readonly #ticketKeys: Buffer;
  /** Null when a certificate was given. */
  readonly #key: KeyObject | null;
  readonly #servers: Server[] = [];
  readonly #handshakes = { full: 0, resumed: 0 };
  #names: string[] = [];
  #own: { cert: string | Buffer; key: string | Buffer };

  private constructor(
    settings: Settings,
    made: { signers: Signers; ticketKeys: Buffer; key: KeyObject | null },
  ) {
    this.#settings = settings;
    this.#signers = made.signers;
    this.#ticketKeys = made.ticketKeys;
    this.#key = made.key;
    this.#own = settings.certificate ?? { cert: '', key: '' };
  }

  /**
   * Reads or makes keys below the state directory, and the certificate for the names that the listeners have now.
   * @throws NanofleetError KEY_FILE_INVALID
   */
  static async open(settings: Settings, signers: Signers, random: Random): Promise<ListenerTls> {
    const { certificate, directory } = settings;
    const key = certificate === null ? await provideKey(join(directory, KEY_FILE)) : null;
    const ticketKeys = await provideTicketKeys(join(directory, TICKET_FILE), random);
    const tls = new ListenerTls(settings, { signers, ticketKeys, key });
    await tls.#refresh();
    return tls;
  }

  /** Options of a server; client certificates are asked for, and each server says what it does without. */
  options(): TlsOptions {
    return {
      ...this.#own,
      ca: [
        this.#signers.authority.certificate,
        ...(this.#signers.retired === null ? [] : [this.#signers.retired]),
      ],
      minVersion: 'TLSv1.3',
      requestCert: true,
      ticketKeys: this.#ticketKeys,
      sessionIdContext: SESSION_CONTEXT,
      sessionTimeout: TLS_SESSION_S,
      handshakeTimeout: HANDSHAKE_MS,
    };
  }

  /** Has certificates of another authority from now on. */
  async followAuthority(signers: Signers): Promise<void> {
    this.#signers = signers;
    this.#names = [];
    await this.#refresh();
    // Also where a certificate was given: whose devices are let in has changed.
    for (const server of this.#servers) server.setSecureContext(this.options());
  }

  /** Gives a server new certificates while it runs, and counts its handshakes. */
  follow(server: Server): void {
    this.#servers.push(server);
    server.on('secureConnection', (socket) => {
      this.#handshakes[socket.isSessionReused() ? 'resumed' : 'full'] += 1;
    });
  }

  /** Of all servers that were given to it. */
  get handshakes(): Handshakes {
    return { ...this.#handshakes };
  }

  /** Looks at an interval whether names or addresses of this machine have changed; gives what ends that. */
  watch(clock: Clock, log: Log): () => void {
    let cancel = (): void => undefined;
    let isOver = false;
    const look = (): void => {
      cancel = clock.after(LOOK_EVERY_MS, () => {
        this.#refresh()
          .catch((thrown: unknown) =>
            log.warn('the certificate of the listeners is the old one', factsOf(thrown)),
          )
          .finally(() => {
            if (!isOver) look();
          });
      });
    };
    look();
    return () => {
      isOver = true;
      cancel();
    };
  }

  /** Makes a new certificate when names or addresses have changed. */
  async #refresh(): Promise<void> {
    const names = namesOf(this.#settings);
    if (this.#key === null || names.join() === this.#names.join()) return;
    const certificate = await this.#signers.authority.certifyListener({ names, key: this.#key });
    this.#names = names;
    // The authority travels along: a device that enrols knows the digest of its key, and nothing else.
    const cert = `${certificate}\n${this.#signers.authority.certificate}`;
    this.#own = { cert, key: this.#key.export({ format: 'pem', type: 'pkcs8' }) };
    for (const server of this.#servers) server.setSecureContext(this.options());
  }
}

const provideKey = async (path: string): Promise<KeyObject> => {
  if (!existsSync(path)) await writeKeyFile(path, generateTlsKey());
  return readKeyFile(path, 'ec');
};

const provideTicketKeys = async (path: string, random: Random): Promise<Buffer> => {
  const found = existsSync(path) ? await readFile(path) : Buffer.alloc(0);
  if (found.length === TICKET_BYTES) return found;
  const made = Buffer.from(random.bytes(TICKET_BYTES));
  // Without them each device makes one full handshake more: no reason to refuse a start.
  await writeFile(path, made, { mode: 0o600 });
  return made;
};
