// One controller over TLS as a process of its own, with its embedded broker and database, for campaigns: its operator,
// `kill -9` and another start on the same directory and ports, the files of its fleet. Ends nothing by itself but by `close`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type ApiAnswer, type ApiCall, type ApiRoute, apiAnswerOf, httpCallOf } from '@nanofleet/protocol';
import { encodeFleetToken, type SigningKey } from '@nanofleet/protocol/node';
import { z } from 'zod';
import { type Running, startProgram } from '../faults/parts/programs.ts';
import { ROOT } from '../soak/parts/starter.ts';

/** The fleet of every such site. */
const SECURE_FLEET = 'secure';
const READY = z.object({
  http: z.int(),
  mqtt: z.int(),
  controllerKeyId: z.string(),
  authorityKeyId: z.string(),
});
type Ready = z.infer<typeof READY>;

/** Where it lies and who publishes. */
export interface SecureSiteOptions {
  readonly directory: string;
  readonly publisher: SigningKey;
}

/** A controller over TLS. */
export class SecureSite {
  readonly directory: string;
  readonly publisher: SigningKey;
  #running: Running;
  #ready: Ready;

  private constructor(options: SecureSiteOptions, running: Running) {
    this.directory = options.directory;
    this.publisher = options.publisher;
    this.#running = running;
    this.#ready = READY.parse(running.ready);
  }

  /** Starts it on a directory, which may hold the state of an earlier one. */
  static async open(options: SecureSiteOptions): Promise<SecureSite> {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const keyFile = publisherFile(options.directory);
    writeFileSync(keyFile, Buffer.from(options.publisher.publicKey).toString('base64'));
    return new SecureSite(options, await launch(options.directory, { http: 0, mqtt: 0 }));
  }

  get pid(): number {
    return this.#running.pid;
  }

  get httpPort(): number {
    return this.#ready.http;
  }

  get mqttPort(): number {
    return this.#ready.mqtt;
  }

  /** PEM of the authority that signs the listeners' certificate and those of devices. */
  get authority(): string {
    return readFileSync(join(this.directory, 'ca.pem'), 'utf8');
  }

  /** What it wrote to standard error since its last start. */
  log(): string {
    return this.#running.err();
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#running.kill();
  }

  /** Starts it again on the same directory and ports. */
  async restart(): Promise<void> {
    const { http, mqtt } = this.#ready;
    this.#running = await launch(this.directory, { http, mqtt });
    this.#ready = READY.parse(this.#running.ready);
  }

  /** Ends it in order. */
  async close(): Promise<void> {
    await this.#running.stop();
  }

  /** One call of the operator API as the first admin. @throws NanofleetError the answer's error */
  async call<R extends ApiRoute>(route: R, call: ApiCall<R> = {}): Promise<ApiAnswer<R>> {
    const { method, path, body, contentType } = httpCallOf(route, call);
    const token = readFileSync(join(this.directory, 'admin-token'), 'utf8').trim();
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (contentType !== null) headers['content-type'] = contentType;
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port: this.httpPort, path, method, headers, ca: this.authority },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece: string) => {
            text += piece;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        },
      );
      asked.on('error', reject);
      asked.end(body ?? '');
    });
    return apiAnswerOf(route, answer);
  }

  /** A fleet token for so many devices, as `nanofleet fleet-tokens new` prints it. */
  async fleetToken(uses: number): Promise<string> {
    const body = { name: 'load', group: 'homes', uses, validForS: 7_200 };
    const { id, secret, expiresAt } = await this.call('makeFleetToken', { body });
    const { authorityKeyId, controllerKeyId } = this.#ready;
    return encodeFleetToken({
      ...{ fleet: SECURE_FLEET, url: `https://127.0.0.1:${this.httpPort}`, tokenId: id, secret, expiresAt },
      ...{ publisher: this.publisher.fingerprint, controller: controllerKeyId, authority: authorityKeyId },
    });
  }
}

const publisherFile = (directory: string): string => join(directory, 'publisher.pub');

const launch = (directory: string, { http, mqtt }: { http: number; mqtt: number }): Promise<Running> =>
  startProgram({
    file: join(ROOT, 'controller', 'dist', 'main.js'),
    args: [
      ...[`--dir=${directory}`, `--fleet=${SECURE_FLEET}`, '--tls', `--http=${http}`, `--mqtt=${mqtt}`],
      ...[`--publisher-key=${publisherFile(directory)}`, '--exit-with-stdin', '--json'],
    ],
    environment: { DATABASE_URL: '', MQTT_URL: '' },
  });
