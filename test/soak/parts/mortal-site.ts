// A fleet whose controller ends at a chosen point: a controller's process on a PostgreSQL and a mosquitto of its own, and two devices.
// Brings it up from a state that was prepared once, and takes it down; stories say what happens in it.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  freePort,
  type Mosquitto,
  makeScratchDatabase,
  type ScratchDatabase,
} from '@nanofleet/controller/testing';
import { eventually } from '@nanofleet/runtime/testing';
import { publisher } from './crash-device.ts';
import { MortalController } from './mortal-controller.ts';
import { type Addresses, Home, type HomeState } from './mortal-home.ts';

/** How long the world may take to come to rest after anything. */
export const PATIENCE = { withinMs: 120_000, everyMs: 50 };

const CHATTER_MS = 500;

/** What a fleet begins from. */
export interface Ground {
  /** Copied for each fleet; null for an empty one. */
  readonly database: ScratchDatabase | null;
  /** State directory of its controller; null before its first start. */
  readonly directory: string | null;
  readonly homes: readonly HomeState[];
}

/** What everything runs on: one PostgreSQL for all fleets, one mosquitto for one after the other. */
export interface Engine {
  readonly postgres: string;
  readonly broker: Mosquitto;
}

/** A fleet. */
export class MortalSite {
  readonly controller: MortalController;
  readonly database: ScratchDatabase;
  readonly broker: Mosquitto;
  readonly homes: Home[];
  readonly #directory: string;

  private constructor(
    parts: Pick<MortalSite, 'controller' | 'database' | 'broker' | 'homes'> & { directory: string },
  ) {
    this.controller = parts.controller;
    this.database = parts.database;
    this.broker = parts.broker;
    this.homes = parts.homes;
    this.#directory = parts.directory;
  }

  /** Makes one of which nothing runs yet but its broker, which has forgotten everything. */
  static async of({ broker, postgres }: Engine, ground: Ground): Promise<MortalSite> {
    await broker.halt('SIGKILL');
    await broker.forgetRights();
    await broker.run();
    const database = await makeScratchDatabase(postgres, ground.database ?? undefined);
    // Controllers of a busy machine found no database within their five seconds; whoever comes first waits here.
    await database.query('select 1');
    const directory = mkdtempSync(join(tmpdir(), 'nanofleet-mortal-'));
    if (ground.directory !== null) cpSync(ground.directory, directory, { recursive: true });
    mkdirSync(join(directory, 'points.d'), { recursive: true });
    writeFileSync(join(directory, 'publisher.pub'), Buffer.from(publisher.publicKey).toString('base64'));
    const environment = { ...broker.environment, DATABASE_URL: database.url };
    const controller = new MortalController({ directory, httpPort: await freePort(), environment });
    const addresses = { controllerUrl: controller.url, brokerUrl: broker.url };
    const homes = ground.homes.map((state) => new Home(Home.copyOf(state), addresses));
    return new MortalSite({ controller, database, broker, homes, directory });
  }

  /** Where its devices find it. */
  get addresses(): Addresses {
    return { controllerUrl: this.controller.url, brokerUrl: this.broker.url };
  }

  /** Starts its controller and its devices; resolves when all know of each other. */
  async start(): Promise<void> {
    this.controller.start();
    await this.controller.call('health');
    for (const home of this.homes) await home.start();
    await this.atRest();
    // What devices say once more of their start is no part of a story.
    await pause(CHATTER_MS);
  }

  /** Waits until each device that may be there is there and has said that it does what it is to do. */
  async atRest(): Promise<void> {
    await this.until('the devices do what they are to do', async () => {
      const rows = await this.database.query<{ device: string }>(
        `select device from devices where revoked_at is null and (not is_online or
          reported_version <> desired_version or
          lines -> 'intent' ->> 'committed' is distinct from desired_state -> 'lines' -> 'intent' ->> 'digest')`,
      );
      return rows.length === 0;
    });
  }

  /** Waits until something holds. @throws TypeError that says what does not */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await eventually(async () => {
      if (!(await holds())) throw new TypeError(`not in time: ${what}`);
    }, PATIENCE);
  }

  /** Stops all in order; what a fleet can begin from. The database stays. */
  async freeze(): Promise<Ground> {
    const homes = [];
    for (const home of this.homes) homes.push(await home.end());
    await this.controller.close({ isOrderly: true });
    await this.database.rest();
    return { database: this.database, directory: this.#directory, homes };
  }

  /** Ends all, and removes what it had. */
  async close(): Promise<void> {
    for (const home of this.homes) await home.end();
    await this.controller.close({ isOrderly: false });
    await dropGround({ database: this.database, directory: this.#directory, homes: [] });
  }
}

/** Removes what fleets began from. */
export const dropGround = async ({ database, directory }: Ground): Promise<void> => {
  await database?.drop();
  if (directory !== null) rmSync(directory, { recursive: true, force: true });
};
