// Where one agent lives: identity, disk and link outlast each of its processes; the process can be killed at any change of
// its disk, and the power can be cut. The agent is the real one.
import { Agent, type AgentPorts, acceptInProcess, type Identity } from '@nanofleet/agent';
import { type Digest, NanofleetError } from '@nanofleet/protocol';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import { type Random, silentLog } from '@nanofleet/runtime/ports';
import { MemoryDisk } from '@nanofleet/runtime/testing';
import type { Broker } from './broker.ts';
import type { ControllerSite } from './controller-site.ts';
import { Life } from './life.ts';
import { MortalDisk } from './mortal-disk.ts';
import { NetworkPath } from './network-path.ts';
import type { Release } from './releases.ts';
import type { RunnerPool } from './runner-pool.ts';
import type { World } from './world.ts';

const DOWNLOAD_DEADLINE_MS = 15_000;
const HOST: AgentPorts['host'] = {
  arch: 'virtual',
  nodeVersion: 'v0',
  memoryBytes: 64 * 1024 * 1024,
  rssBytes: () => 30_000_000,
  cpuSeconds: () => 1,
};

/** Rounds are no part of this world yet. */
const NO_TRAINER: AgentPorts['trainer'] = {
  train: () => Promise.reject(new NanofleetError('TRAINING_FAILED', 'nothing is trained in this world')),
};

/** What a site stands on. */
export interface DeviceSiteOptions {
  readonly world: World;
  readonly broker: Broker;
  readonly controller: ControllerSite;
  readonly runners: RunnerPool;
  readonly identity: Identity;
  /** In its image from the beginning. */
  readonly shipped: Release;
  /** How wrong its clock is. */
  readonly skewMs: number;
  readonly beatMs: number;
  /** Digests whose bytes are changed on their way. */
  readonly tampered: ReadonlySet<string>;
  /** Whether a power cut takes what was synced; never, but to prove that somebody notices. */
  readonly hasLyingDisk: boolean;
  /** Told of each bundle that is about to run. */
  readonly loads: (digest: Digest) => void;
}

/** An agent that runs. */
export interface DeviceProcess {
  readonly life: Life;
  readonly agent: Agent;
  readonly disk: MortalDisk;
}

/** How a process ends. */
export type Ending = 'killed' | 'power cut' | 'stopped';

/** The place of a device. */
export class DeviceSite {
  readonly path = new NetworkPath();
  readonly random: Random;
  readonly #options: DeviceSiteOptions;
  #disk = new MemoryDisk();
  #process: DeviceProcess | null = null;
  #starts = 0;
  /** Told when a process has ended. */
  ended: (how: Ending) => void = () => undefined;

  constructor(options: DeviceSiteOptions) {
    this.#options = options;
    this.random = options.world.chance(`device ${options.identity.device}`);
    shipTo(this.#disk, options.shipped);
  }

  get name() {
    return this.#options.identity.device;
  }

  get identity(): Identity {
    return this.#options.identity;
  }

  /** The process, when one runs. */
  get running(): DeviceProcess | null {
    return this.#process;
  }

  /** Starts a process: resolves when its lines are loaded, or never when it is killed before. */
  async start(): Promise<DeviceProcess> {
    const { beatMs, identity, world } = this.#options;
    this.#starts += 1;
    const life = new Life();
    const disk = new MortalDisk(this.#disk, life);
    const agent = new Agent(
      { directory: '/state', identity, bundles: '/bundles', beatMs },
      this.#portsOf(life, disk),
    );
    this.#process = { life, agent, disk };
    world.note('agent started', this.name, this.#starts);
    await agent.load();
    if (life.isAlive) agent.start();
    return { life, agent, disk };
  }

  /** Ends the process at once; what the next one finds depends on how. */
  kill(how: 'killed' | 'power cut'): void {
    if (this.#process === null) return;
    const { life } = this.#process;
    this.#process = null;
    life.end();
    this.#disk = this.#diskAfter(how);
    this.#options.world.note('agent ended', this.name, how);
    this.#options.broker.lost(this.path, { isSilent: how === 'power cut' });
    this.ended(how);
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    const process = this.#process;
    if (process === null) return;
    await process.agent.close();
    if (this.#process !== process) return;
    this.#process = null;
    process.life.end();
    this.#options.world.note('agent ended', this.name, 'stopped');
    this.ended('stopped');
  }

  get isDiskFull(): boolean {
    return this.#disk.bytesMax === 0;
  }

  /** Takes the room of the disk away, or gives it back. */
  set isDiskFull(isFull: boolean) {
    this.#disk.bytesMax = isFull ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Cuts the link or mends it. */
  cut(options: { isSilent: boolean }): void {
    this.path.isUp = false;
    this.#options.broker.lost(this.path, options);
  }

  mend(): void {
    this.path.isUp = true;
  }

  #diskAfter(how: 'killed' | 'power cut'): MemoryDisk {
    if (how === 'killed') return this.#disk.afterKill();
    if (!this.#options.hasLyingDisk) return this.#disk.afterPowerCut(this.random);
    const empty = new MemoryDisk();
    shipTo(empty, this.#options.shipped);
    return empty;
  }

  #portsOf(life: Life, disk: MortalDisk): AgentPorts {
    const { broker, runners, skewMs, world } = this.#options;
    const clock = world.clockOf(life, skewMs);
    const load: AgentPorts['load'] = (bundle) => this.#load(life, bundle);
    return {
      clock,
      random: world.chance(`agent ${this.name} ${this.#starts}`),
      disk,
      transport: broker.transportOf(life, this.path),
      blobs: { fetch: (name, range) => this.#download(life, name, range) },
      host: HOST,
      log: silentLog,
      trainer: NO_TRAINER,
      load,
      acceptance: acceptInProcess({ clock, disk, load }),
      engine: { name: runners.engine, version: '0' },
    };
  }

  async #load(life: Life, bundle: CheckedBundle) {
    const { loads, runners } = this.#options;
    const runner = await runners.load(life, bundle);
    loads(bundle.digest);
    return runner;
  }

  /** A range request: over the link, as the device, from whatever controller runs then. */
  #download(life: Life, name: string, range: { from: number; length: number }) {
    const { world } = this.#options;
    return new Promise<{ bytes: Uint8Array; totalBytes: number }>((resolve, reject) => {
      const fail = (): void => reject(unreachable(name));
      world.after(DOWNLOAD_DEADLINE_MS, fail, life);
      world.after(
        this.random.share() * this.path.delayMs,
        () => {
          if (!this.path.isUp || this.#options.controller.running === null) return fail();
          this.#serve(name, range).then(resolve, reject);
        },
        life,
      );
    });
  }

  async #serve(name: string, { from, length }: { from: number; length: number }) {
    const { controller, tampered, world } = this.#options;
    const process = controller.running;
    if (process === null) throw unreachable(name);
    const { fleet, device, credential } = this.identity;
    const known = await process.core.devices.admit({ clientId: `${fleet}.${device}`, credential });
    if (known === null) throw new NanofleetError('TOKEN_INVALID', 'no credential of this fleet');
    const whole = await blobOf(process.core, name);
    await world.pause(this.random.share() * this.path.delayMs, process.life);
    if (!this.path.isUp) throw unreachable(name);
    const bytes = Uint8Array.from(whole.subarray(from, from + length));
    if (tampered.has(name) && bytes.length > 0) bytes[0] = (bytes[0] ?? 0) ^ 1;
    return { bytes, totalBytes: whole.length };
  }
}

/** Puts the first bundle where an image has it. */
const shipTo = (disk: MemoryDisk, { files }: Release): void => {
  disk.makeDirectory('/bundles/first');
  for (const [name, bytes] of files) {
    const file = disk.open(`/bundles/first/${name}`);
    file.write(bytes, 0);
    file.syncNow();
  }
  disk.syncDirectory('/bundles/first');
};

const blobOf = async (core: NonNullable<ControllerSite['running']>['core'], name: string) => {
  const isSignature = name.endsWith('.sig');
  const digest = (isSignature ? name.slice(0, -'.sig'.length) : name) as Digest;
  if (!(await core.models.isServable(digest))) throw new NanofleetError('NOT_FOUND', `no blob ${name}`);
  return isSignature ? core.models.signatureOf(digest) : core.blobs.read(digest);
};

const unreachable = (name: string) =>
  new NanofleetError('CONTROLLER_UNREACHABLE', `blob ${name} could not be fetched`);
