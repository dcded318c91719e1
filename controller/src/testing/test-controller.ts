/**
 * A whole controller for tests: real broker, real SQL, ports 0, a directory and schema of its own, a publisher, and a
 * clock that can be set forward. Only tests import this.
 */

import { readFile } from 'node:fs/promises';
import {
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
  apiAnswerOf,
  assert,
  httpCallOf,
  type Role,
} from '@nanofleet/protocol';
import { generateSigningKey, type SigningKey } from '@nanofleet/protocol/node';
import { type ControllerPorts, type RunningController, startController } from '../controller.ts';
import { systemClock } from '../ports/clock.ts';
import { jsonLog } from '../ports/log.ts';
import { systemRandom } from '../ports/random.ts';
import type { Settings } from '../ports/settings.ts';
import { makeTestDatabase, type TestDatabase } from './databases.ts';
import { Mosquitto } from './mosquitto.ts';
import { type EnrolOptions, enrolDevice, TestDevice } from './test-device.ts';

/** The embedded database and broker; PostgreSQL with the embedded broker; PostgreSQL with mosquitto. */
export type EngineKind = 'embedded' | 'postgres' | 'mosquitto';

/** Fleet of every test. */
export const FLEET = 'home' as Settings['fleet'];

/** A controller under test. */
export class TestController {
  readonly publisher: SigningKey = generateSigningKey();
  /** Lines of the log. */
  readonly logged: string[] = [];
  readonly #database: TestDatabase;
  /** The broker that it does not have inside. */
  readonly #mosquitto: Mosquitto | null;
  readonly #given: Partial<ControllerPorts>;
  readonly #otherSettings: Partial<Settings>;
  readonly #devices: TestDevice[] = [];
  #running: RunningController | null = null;
  #aheadMs = 0;
  #adminToken = '';

  private constructor(
    engines: { database: TestDatabase; mosquitto: Mosquitto | null },
    given: Partial<ControllerPorts>,
    otherSettings: Partial<Settings>,
  ) {
    this.#database = engines.database;
    this.#mosquitto = engines.mosquitto;
    this.#given = given;
    this.#otherSettings = otherSettings;
  }

  /** Starts one. */
  static async start(
    kind: EngineKind,
    given: Partial<ControllerPorts> = {},
    settings: Partial<Settings> = {},
  ): Promise<TestController> {
    const mosquitto = kind === 'mosquitto' ? await Mosquitto.start() : null;
    const database = await makeTestDatabase(kind === 'embedded' ? 'embedded' : 'postgres');
    const controller = new TestController({ database, mosquitto }, given, settings);
    await controller.run();
    return controller;
  }

  /** Settings of its next start. */
  get settings(): Settings {
    return {
      ...this.#database.settings,
      fleet: FLEET,
      host: '127.0.0.1',
      httpPort: 0,
      mqttPort: 0,
      certificate: null,
      broker: this.#mosquitto?.settings ?? null,
      controllerKeyFile: null,
      publisherKeys: [this.publisher.publicKey],
      siteDirectory: `${this.#database.settings.directory}/site`,
      adminTokenFile: `${this.#database.settings.directory}/admin-token`,
      advertisedMqttUrl: null,
      advertisedHttpUrl: null,
      ...this.#otherSettings,
    };
  }

  /** Starts it, also again after `halt`, on the same state. */
  async run(): Promise<void> {
    const clock = { ...systemClock, unixMs: () => systemClock.unixMs() + this.#aheadMs };
    const log = jsonLog(
      () => clock.unixMs(),
      (line) => this.logged.push(line),
    );
    this.#running = await startController(this.settings, {
      clock,
      random: systemRandom,
      log,
      ...this.#given,
    });
    this.#adminToken = (await readFile(this.settings.adminTokenFile, 'utf8')).trim();
  }

  /** Stops the controller and keeps its state. */
  async halt(): Promise<void> {
    await this.#running?.stop();
    this.#running = null;
  }

  /** Makes it not ready, as a signal to end does. */
  drain(): void {
    this.#running?.drain();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const device of this.#devices) await device.close();
    await this.halt();
    await this.#mosquitto?.close();
    await this.#database.drop();
  }

  /** The broker beside it. */
  get mosquitto(): Mosquitto {
    assert(this.#mosquitto !== null, 'this test runs on mosquitto');
    return this.#mosquitto;
  }

  /** Whether devices come in at mosquitto, which drops what is forbidden where the embedded broker ends the session. */
  get isOnMosquitto(): boolean {
    return this.#mosquitto !== null;
  }

  /** Sets its clock forward. */
  advance(ms: number): void {
    this.#aheadMs += ms;
  }

  /** Address of its HTTP listener. */
  get url(): string {
    return `http://127.0.0.1:${this.#running?.httpPort ?? 0}`;
  }

  /** Address of its broker. */
  get brokerUrl(): string {
    return `mqtt://127.0.0.1:${this.#running?.mqttPort ?? 0}`;
  }

  /** The first admin token. */
  get adminToken(): string {
    return this.#adminToken;
  }

  /** Fingerprint that enrolment answers are signed with. */
  get keyId(): string {
    return this.#running?.controllerKeyId ?? '';
  }

  /** Calls the operator API as admin. */
  call<R extends ApiRoute>(route: R, call: ApiCall<R> = {}): Promise<ApiAnswer<R>> {
    return this.callAs(this.#adminToken, route, call);
  }

  /** Calls the operator API with a token; rejects with the controller's own error. */
  async callAs<R extends ApiRoute>(token: string, route: R, call: ApiCall<R> = {}): Promise<ApiAnswer<R>> {
    const { body, contentType, method, path } = httpCallOf(route, call);
    const response = await fetch(`${this.url}${path}`, {
      method,
      body: body as RequestInit['body'] & (Uint8Array | string | null),
      headers: {
        authorization: `Bearer ${token}`,
        ...(contentType === null ? {} : { 'content-type': contentType }),
      },
    });
    return apiAnswerOf(route, { status: response.status, body: await response.text() });
  }

  /** A token of a role. */
  async token(role: Role): Promise<string> {
    return (await this.call('makeOperatorToken', { body: { name: role, role } })).token;
  }

  /** A fleet token. */
  fleetToken(given: { group?: string; uses?: number; validForS?: number } = {}) {
    const { group = 'homes', uses = 10, validForS = 60 } = given;
    return this.call('makeFleetToken', { body: { name: group, group: group, uses, validForS } });
  }

  /** Enrols a device and gives it as a client that is not connected yet. */
  async device(name: string, options: Partial<EnrolOptions> & { group?: string } = {}): Promise<TestDevice> {
    const token = options.token ?? (await this.fleetToken({ group: options.group ?? 'homes' }));
    const enrolment = await enrolDevice(this.url, { name, ...options, token });
    const device = new TestDevice(enrolment, { brokerUrl: this.brokerUrl });
    this.#devices.push(device);
    return device;
  }
}
