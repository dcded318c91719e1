// PostgreSQL, mosquitto and any number of real controller processes on them, for campaigns and benchmarks. Everything is
// ended by `close`; nothing here judges.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Enrolment,
  enrolDevice,
  hasMosquitto,
  Mosquitto,
  makeScratchDatabase,
  PostgresServer,
  type ScratchDatabase,
  scratchServer,
} from '@nanofleet/controller/testing';
import { fleetIdSchema } from '@nanofleet/protocol';
import { generateSigningKey, writeSigningKey } from '@nanofleet/protocol/node';
import { z } from 'zod';
import { makeOperator, type Operator } from '../faults/parts/operator.ts';
import { type Running, startProgram } from '../faults/parts/programs.ts';
import { ROOT } from '../soak/parts/starter.ts';
import { each } from './each.ts';

const FLEET = fleetIdSchema.parse('test');
const CONTROLLER_KEY = 'controller.key.pem';
const ENROLLED_AT_ONCE = 8;
const TOKEN_VALID_S = 3_600;
const READY = z.object({ http: z.int(), controllerKeyId: z.string() });

/** One controller process. */
export interface LoadController extends Operator {
  /** Its name in the leases. */
  readonly id: string;
  readonly url: string;
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on its directory. */
  restart(): Promise<void>;
}

/** The engines and who runs on them. */
export class Engines {
  readonly database: ScratchDatabase;
  readonly broker: Mosquitto;
  readonly #directory: string;
  readonly #server: PostgresServer | null;
  readonly #running: Running[] = [];
  /** Whose bundles its devices run. */
  readonly publisher = generateSigningKey();

  private constructor(parts: {
    database: ScratchDatabase;
    broker: Mosquitto;
    directory: string;
    server: PostgresServer | null;
  }) {
    this.#server = parts.server;
    this.database = parts.database;
    this.broker = parts.broker;
    this.#directory = parts.directory;
  }

  /** Whether both engines are here. */
  static get areHere(): boolean {
    return scratchServer() !== null && hasMosquitto();
  }

  /** Brings them up; a PostgreSQL of its own, too, where NANOFLEET_TEST_DATABASE_URL names none and one is installed. */
  static async open(): Promise<Engines> {
    const server =
      scratchServer() === null && PostgresServer.isInstalled ? await PostgresServer.start() : null;
    const [database, broker, directory] = await Promise.all([
      makeScratchDatabase(server?.url),
      Mosquitto.start(),
      mkdtemp(join(tmpdir(), 'nanofleet-load-')),
    ]);
    await writeSigningKey(join(directory, CONTROLLER_KEY), generateSigningKey());
    const engines = new Engines({ database, broker, directory, server });
    // A server outlives whoever started it: it must go with a campaign that is stopped.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => void engines.close().finally(() => process.exit(130)));
    }
    return engines;
  }

  /** Port of the broker. */
  get port(): number {
    return Number(new URL(this.broker.url).port);
  }

  /**
   * Starts a controller; all of one fleet, under one key. The broker's rights are its business, or with `foreign` written by
   * `grantAll`.
   */
  async controller(name: string, rights: 'own' | 'foreign' = 'own'): Promise<LoadController> {
    const directory = join(this.#directory, name);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const publisherKey = join(this.#directory, 'publisher.pub');
    await writeFile(publisherKey, Buffer.from(this.publisher.publicKey).toString('base64'));
    if (rights === 'foreign') await this.grantAll([]);
    const { broker } = this;
    const brokerEnvironment = rights === 'own' ? broker.environment : broker.foreignEnvironment(FLEET);
    const start = async () => {
      const running = await startProgram({
        file: join(ROOT, 'controller', 'dist', 'main.js'),
        args: [
          `--dir=${directory}`,
          `--fleet=${FLEET}`,
          ...['--http=0', '--mqtt=0', '--exit-with-stdin', '--json'],
          `--publisher-key=${publisherKey}`,
          `--controller-key=${join(this.#directory, CONTROLLER_KEY)}`,
          `--admin-token-file=${join(this.#directory, 'admin-token')}`,
        ],
        environment: { ...brokerEnvironment, DATABASE_URL: this.database.url },
      });
      this.#running.push(running);
      return running;
    };
    let running = await start();
    const operator = await this.#operatorOf(running);
    return {
      ...operator,
      id: await readFile(join(directory, 'controller-id'), 'utf8'),
      get pid() {
        return running.pid;
      },
      kill: () => running.kill(),
      restart: async () => {
        running = await start();
      },
    };
  }

  /** Starts the broker again with the rights of these devices. */
  async grantAll(devices: Parameters<Mosquitto['writeRights']>[1]): Promise<void> {
    await this.broker.halt();
    await this.broker.writeRights(FLEET, devices);
    await this.broker.run();
  }

  /** What so many devices enrol with. */
  async token(controller: LoadController, uses: number): Promise<{ id: string; secret: string }> {
    const body = { name: 'load', group: 'homes', uses, validForS: TOKEN_VALID_S };
    const { id, secret } = await controller.call('makeFleetToken', { body });
    return { id, secret };
  }

  /** Enrols devices at a controller. */
  async enrol(controller: LoadController, count: number): Promise<Enrolment[]> {
    const token = await this.token(controller, count);
    const logins: Enrolment[] = [];
    const names = Array.from({ length: count }, (_, index) => `device-${index + 1}`);
    await each(names, ENROLLED_AT_ONCE, async (name) => {
      logins.push(await enrolDevice(controller.url, { name, token }));
    });
    return logins;
  }

  /** Events that are stored, and what their effects add up to. */
  async counts(): Promise<{ stored: number; tallied: number }> {
    const [row] = await this.database.query<{ stored: string; tallied: string }>(
      `select (select count(*) from events) as stored,
        (select coalesce(sum(value), 0) from tallies where name like 'event:%') as tallied`,
    );
    return { stored: Number(row?.stored), tallied: Number(row?.tallied) };
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await Promise.all(this.#running.filter((running) => !running.isOver()).map((running) => running.kill()));
    await this.broker.close();
    await this.database.drop();
    this.#server?.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #operatorOf(running: Running): Promise<Operator & { url: string }> {
    const { controllerKeyId, http } = READY.parse(running.ready);
    const adminToken = (await readFile(join(this.#directory, 'admin-token'), 'utf8')).trim();
    const url = `http://127.0.0.1:${http}`;
    const pinned = { publisher: this.publisher.fingerprint, controller: controllerKeyId };
    return { ...makeOperator({ url, adminToken, ...pinned }), url };
  }
}
