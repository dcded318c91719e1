// Where the controller lives: its key, blobs and database outlast each of its processes; the process can be killed at any
// query. The domains are the real ones, opened without listeners.

import { join } from 'node:path';
import {
  BlobStore,
  ControllerIdentity,
  type Core,
  loadModel,
  type MemoryPglite,
  openCore,
  openOver,
  type Settings,
} from '@nanofleet/controller';
import type { FleetId } from '@nanofleet/protocol';
import { type SigningKey, writeSigningKey } from '@nanofleet/protocol/node';
import type { TextRunner } from '@nanofleet/runtime';
import { silentLog } from '@nanofleet/runtime/ports';
import type { Broker } from './broker.ts';
import { Connection } from './connection.ts';
import { Life } from './life.ts';
import { seededKey } from './seeded-key.ts';
import type { World } from './world.ts';

/** What a site stands on. */
export interface ControllerSiteOptions {
  readonly world: World;
  readonly broker: Broker;
  readonly database: MemoryPglite;
  /** State directory on the real disk. */
  readonly directory: string;
  readonly fleet: FleetId;
  /** Keys that this controller takes bundles of; devices pin only some of them. */
  readonly publishers: readonly SigningKey[];
  /** Queries that are answered and not done. */
  readonly forgets: (sql: string) => boolean;
}

/** A controller that runs. */
export interface ControllerProcess {
  readonly life: Life;
  readonly core: Core;
  readonly connection: Connection;
}

/** The place of the controller. */
export class ControllerSite {
  readonly #options: ControllerSiteOptions;
  #starts = 0;
  #process: ControllerProcess | null = null;
  /** Told when a process was killed. */
  ended: () => void = () => undefined;
  /** Queries of all processes so far. */
  queries = 0;
  kills = 0;

  constructor(options: ControllerSiteOptions) {
    this.#options = options;
  }

  /** The process, when one serves. */
  get running(): ControllerProcess | null {
    return this.#process;
  }

  /** Makes the controller's key; once. */
  async prepare(): Promise<void> {
    const { directory, world } = this.#options;
    await writeSigningKey(join(directory, 'controller.key.pem'), seededKey(world.chance('controller key')));
  }

  /** Starts a process; no virtual time passes. */
  start(): Promise<ControllerProcess> {
    return this.#options.world.hold(this.#start());
  }

  async #start(): Promise<ControllerProcess> {
    const { broker, database, directory, forgets, world } = this.#options;
    this.#starts += 1;
    const name = `controller ${this.#starts}`;
    const life = new Life();
    // What the process before had begun and not committed is undone, as the server does when a client is gone.
    await world.real(life, () => database.query('rollback'));
    const connection = new Connection({
      world,
      life,
      database,
      forgets,
      random: world.chance(`${name} queries`),
    });
    const ground = {
      clock: world.clockOf(life),
      random: world.chance(name),
      log: silentLog,
      database: await openOver(connection),
      identity: await ControllerIdentity.open(this.#settings(), world.chance('controller id')),
      blobs: this.#blobsOf(life, await BlobStore.open(directory)),
      load: this.#loadFor(life),
      siteDirectory: directory,
    };
    const core = await openCore(ground, (gate) => broker.open(gate, life));
    connection.isServing = true;
    this.#process = { life, core, connection };
    world.note('controller started', this.#starts);
    return this.#process;
  }

  /** `kill -9`: the broker in the process goes with it. */
  kill(): void {
    if (this.#process === null) return;
    const { connection, life } = this.#process;
    this.#process = null;
    this.kills += 1;
    this.queries += connection.queries;
    connection.queries = 0;
    life.end();
    this.#options.world.note('controller killed');
    this.#options.broker.crash();
    this.ended();
  }

  #settings(): Settings {
    const { directory, fleet, publishers } = this.#options;
    return {
      directory,
      fleet,
      host: '127.0.0.1',
      httpPort: 0,
      mqttPort: 0,
      certificate: null,
      broker: null,
      controllerKeyFile: null,
      siteDirectory: directory,
      publisherKeys: publishers.map(({ publicKey }) => publicKey),
      adminTokenFile: join(directory, 'admin-token'),
      databaseUrl: null,
      databaseSchema: 'public',
      cacheDirectory: directory,
      advertisedMqttUrl: 'mqtt://127.0.0.1:1',
      advertisedHttpUrl: 'http://127.0.0.1:1',
    };
  }

  /** Files are real work. */
  #blobsOf(life: Life, blobs: BlobStore): BlobStore {
    const { world } = this.#options;
    const gated: Pick<BlobStore, 'size' | 'put' | 'keep' | 'read' | 'stream' | 'onStored'> = {
      size: (digest) => world.real(life, () => blobs.size(digest)),
      put: (digest, content) => world.real(life, () => blobs.put(digest, content)),
      keep: (bytes) => world.real(life, () => blobs.keep(bytes)),
      read: (digest) => world.real(life, () => blobs.read(digest)),
      stream: (digest, range) => blobs.stream(digest, range),
      onStored: (told) => blobs.onStored(told),
    };
    // The class has private fields, which no other object can have; the domains call these.
    return gated as BlobStore;
  }

  /** Models are real work, too: each question has its turn. */
  #loadFor(life: Life) {
    const { world } = this.#options;
    return async (wanted: Parameters<typeof loadModel>[0]): Promise<TextRunner> => {
      const runner = await world.real(life, () => loadModel(wanted));
      life.onEnd(() => void world.real(world.always, () => runner.release()));
      return {
        ...runner,
        decide: (text) => world.real(life, () => runner.decide(text)),
        release: () => Promise.resolve(),
      };
    };
  }
}
