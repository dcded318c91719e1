/**
 * A real mosquitto with the rights plugin, started by a test on a free port with the very configuration that deploy/
 * ships, and ended by it. Only tests and benchmarks import this.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BrokenInvariant, controllerNameOf, type DeviceId, type FleetId } from '@nanofleet/protocol';
import { controllerGrant, grant, type RightsCommand } from '../link/rights.plan.ts';
import { systemRandom } from '../ports/random.ts';
import type { BrokerSettings } from '../ports/settings.ts';
import { rightsFile } from './rights-file.ts';

/** Also from `dist`, where campaigns run. */
const TEMPLATES = new URL('../../../deploy/mosquitto/', import.meta.url);
const PROGRAMS = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/usr/bin/mosquitto'];
const PLUGIN = 'mosquitto_dynamic_security.so';
const ADMIN = 'controller-admin';
const TRIES = 5;

interface Installed {
  readonly program: string;
  readonly plugin: string;
}

const installed = (): Installed | null => {
  const program = PROGRAMS.find(existsSync);
  const folders = readdirSync('/usr/lib', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join('/usr/lib', name));
  const plugin = ['/usr/lib', ...folders].map((folder) => join(folder, PLUGIN)).find(existsSync);
  return program === undefined || plugin === undefined ? null : { program, plugin };
};

/** Whether a mosquitto with the plugin is here; with NANOFLEET_REQUIRE=all it must be. */
export const hasMosquitto = (environment = process.env): boolean => {
  const { NANOFLEET_REQUIRE: required } = environment;
  const isHere = installed() !== null;
  if (!isHere && required === 'all') throw new BrokenInvariant('NANOFLEET_REQUIRE=all needs mosquitto');
  return isHere;
};

/** A port of this machine that nobody listens on now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });

/** A broker that takes certificates: what it is set up with. */
export interface CertificateSetUp {
  /** `broker` of a controller's state directory. */
  readonly files: string;
  /** Administrator of its rights. */
  readonly username: string;
  readonly ports: { readonly devices: number; readonly controllers: number };
}

/** What a device logs in with. */
interface DeviceLogin {
  readonly device: DeviceId;
  readonly credential: string;
}

/** A broker under test. */
export class Mosquitto {
  readonly #directory: string;
  readonly #password: string;
  readonly #certificates: CertificateSetUp | null;
  #port = 0;
  #process: ChildProcess | null = null;
  /** The last lines of its log. */
  readonly logged: string[] = [];

  private constructor(made: {
    directory: string;
    password: string;
    certificates: CertificateSetUp | null;
  }) {
    this.#directory = made.directory;
    this.#password = made.password;
    this.#certificates = made.certificates;
    this.#port = made.certificates?.ports.devices ?? 0;
  }

  /** Starts one that nobody knows yet but its administrator. */
  static async start(certificates: CertificateSetUp | null = null): Promise<Mosquitto> {
    const directory = await mkdtemp(join(tmpdir(), 'nanofleet-mosquitto-'));
    const password = Buffer.from(systemRandom.bytes(24)).toString('base64url');
    const broker = new Mosquitto({ directory, password, certificates });
    await writeFile(broker.passwordFile, password, { mode: 0o600 });
    await broker.forgetRights();
    await broker.run();
    return broker;
  }

  /** Its address. */
  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  /** A file with that secret. */
  get passwordFile(): string {
    return join(this.#directory, 'admin-password');
  }

  /** What a controller inside the test has to be told. */
  get settings(): BrokerSettings {
    return { url: this.url, username: ADMIN, password: this.#password, ca: null, rights: 'mosquitto' };
  }

  /** What a controller's process has to be told. */
  get environment(): Record<string, string> {
    return { MQTT_URL: this.url, MQTT_USERNAME: ADMIN, MQTT_PASSWORD_FILE: this.passwordFile };
  }

  /** Process id, for measuring. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** What a controller's process has to be told that leaves the rights to `writeRights`. */
  foreignEnvironment(fleet: FleetId): Record<string, string> {
    return {
      ...this.environment,
      MQTT_USERNAME: controllerNameOf(fleet),
      NANOFLEET_BROKER_RIGHTS: 'external',
    };
  }

  /** Makes it forget all devices, as after the loss of its disk; to be called while it is stopped. */
  async forgetRights(): Promise<void> {
    await this.#write([]);
    await rm(join(this.#directory, 'mosquitto.db'), { force: true });
  }

  /**
   * Gives the controllers of a fleet and all its devices their rights at once; to be called while it is stopped. Told one by one
   * they take time that grows with the square: the plugin of mosquitto 2.0 writes its whole file after each.
   */
  async writeRights(fleet: FleetId, devices: readonly DeviceLogin[]): Promise<void> {
    const login = { mark: '', password: this.#password };
    await this.#write([
      ...controllerGrant(fleet, { username: controllerNameOf(fleet), login }),
      ...devices.flatMap(({ credential, device }) => grant(fleet, device, credential)),
    ]);
  }

  /** Starts it, also again after `halt` on the same port. */
  async run(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const port = this.#port === 0 ? await freePort() : this.#port;
      if (await this.#launch(port)) {
        this.#port = port;
        return;
      }
      // Another process may have taken the port between looking and listening.
      if (attempt === TRIES)
        throw new BrokenInvariant(`mosquitto does not start: ${this.logged.join(' | ')}`);
    }
  }

  /** Ends the process: in order, or with SIGKILL. */
  async halt(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await gone;
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    await this.halt();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Rights as the broker keeps them. */
  async rights(): Promise<{ clients: { username: string }[]; roles: { rolename: string }[] }> {
    const text = await readFile(join(this.#directory, 'dynamic-security.json'), 'utf8');
    return JSON.parse(text) as { clients: { username: string }[]; roles: { rolename: string }[] };
  }

  async #write(commands: readonly RightsCommand[]): Promise<void> {
    const administrator = { username: this.#certificates?.username ?? ADMIN, password: this.#password };
    const path = join(this.#directory, 'dynamic-security.json');
    await writeFile(path, rightsFile(administrator, commands), { mode: 0o600 });
  }

  async #launch(port: number): Promise<boolean> {
    const found = installed();
    if (found === null) throw new BrokenInvariant('mosquitto or its rights plugin is not installed');
    const file = join(this.#directory, 'mosquitto.conf');
    await writeFile(file, this.#configuration(port, found.plugin));
    const child = spawn(found.program, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    this.#process = child;
    return new Promise((resolve) => {
      child.once('exit', () => resolve(false));
      child.once('error', () => resolve(false));
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.logged.splice(0, Math.max(0, this.logged.length - 20));
        this.logged.push(line);
        if (/mosquitto version \S+ running/.test(line)) resolve(true);
      });
    });
  }

  get #template(): string {
    return this.#certificates === null ? 'mosquitto.conf' : 'mosquitto-certificates.conf';
  }

  #configuration(port: number, plugin: string): string {
    const names = {
      ADDRESS: '127.0.0.1',
      PORT: String(port),
      STATE: this.#directory,
      PLUGIN: plugin,
    };
    const { files = '', ports } = this.#certificates ?? {};
    const more = {
      BROKER: files,
      CONTROLLERS_ADDRESS: '127.0.0.1',
      CONTROLLERS_PORT: String(ports?.controllers),
    };
    const all = { ...names, ...more };
    const shipped = readFileSync(new URL(this.#template, TEMPLATES), 'utf8').replace(
      /@([A-Z_]+)@/g,
      (_, name: keyof typeof all) => all[name],
    );
    // As root it would change to a user who may not enter the test's directory.
    return process.getuid?.() === 0 ? `${shipped}user root\n` : shipped;
  }
}
