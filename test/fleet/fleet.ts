// One run of a simulated fleet: makes the world, lets its hours pass, heals it, and holds it against its invariants. The same
// options give the same digest of events. Owns the order of a run; what happens in it is the scenario's.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Identity } from '@nanofleet/agent';
import type { Core, MemoryPglite } from '@nanofleet/controller';
import { type DeviceId, enrolmentSchema, type FleetId } from '@nanofleet/protocol';
import { fingerprintOf, signBytes } from '@nanofleet/protocol/node';
import { Broker, type BrokerRules, PROPER_RULES } from './broker.ts';
import { ControllerSite } from './controller-site.ts';
import { DeviceSite } from './device-site.ts';
import { Ledger, type StoredEvent } from './ledger.ts';
import { makeRelease, type Signers } from './releases.ts';
import { RunnerPool } from './runner-pool.ts';
import { DAILY_PACE, type Happenings, type Pace, Scenario } from './scenario.ts';
import { seededKey } from './seeded-key.ts';
import { World } from './world.ts';

const FLEET = 'sim' as FleetId;
const HOUR_MS = 3_600_000;
const STEP_MS = 60_000;
/** Time to drain after everything is mended: beyond the longest pause of a reconnecting agent. */
const DRAIN_MS = HOUR_MS;
const BEAT_MS = 600_000;
/** One device in so many is revoked. */
const REVOKED_SHARE = 20;
const DAY_MS = 24 * HOUR_MS;

/** What to run. */
export interface FleetOptions {
  readonly seed: number;
  readonly devices: number;
  readonly hours: number;
  readonly database: MemoryPglite;
  /** Left out: as in a campaign of a day. */
  readonly pace?: Pace;
  /** What is broken on purpose, to prove that somebody notices. */
  readonly mutation?: Mutation;
}

/** Ways to break the world. */
export interface Mutation {
  readonly rules?: Partial<BrokerRules>;
  /** SQL after the migrations. */
  readonly sql?: string;
  /** Devices trust a stranger's key, too. */
  readonly trustsStranger?: boolean;
  /** Queries that the database forgets to do, and answers as if it had. */
  readonly forgets?: (sql: string) => boolean;
  /** Disks that forget, at a power cut, what was synced. */
  readonly hasLyingDisks?: boolean;
}

/** What a run has shown. */
export interface FleetRun extends Happenings {
  readonly seed: number;
  readonly devices: number;
  readonly hours: number;
  readonly decisions: number;
  /** Rows of the events table. */
  readonly events: number;
  readonly controllerKills: number;
  readonly queries: number;
  /** Events of the world that the digest covers. */
  readonly noted: number;
  readonly digest: string;
}

/**
 * Runs a fleet.
 * @throws InvariantBroken with the seed
 */
export const runFleet = async (options: FleetOptions): Promise<FleetRun> => {
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-fleet-'));
  await options.database.clear();
  try {
    return await new Run(options, directory).go();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

class Run {
  readonly #options: FleetOptions;
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #broker: Broker;
  readonly #controller: ControllerSite;
  readonly #runners: RunnerPool;
  readonly #signers: Signers;
  readonly #tampered = new Set<string>();

  constructor(options: FleetOptions, directory: string) {
    const { database, mutation, seed } = options;
    const world = new World(seed);
    this.#options = options;
    this.#world = world;
    this.#ledger = new Ledger(world, deviceOf);
    this.#signers = {
      publisher: seededKey(world.chance('publisher')),
      stranger: seededKey(world.chance('stranger')),
    };
    const rules = { ...PROPER_RULES, ...mutation?.rules };
    this.#broker = new Broker({ world, fleet: FLEET, secret: 'inner', witness: this.#ledger, rules });
    // A thief of the controller could let it take a stranger's bundles; devices pin the publisher alone.
    const publishers = [this.#signers.publisher, this.#signers.stranger];
    this.#controller = new ControllerSite({
      world,
      broker: this.#broker,
      database,
      directory,
      fleet: FLEET,
      publishers,
      forgets: mutation?.forgets ?? (() => false),
    });
    this.#runners = new RunnerPool(world);
  }

  async go(): Promise<FleetRun> {
    const { devices, hours, mutation, database } = this.#options;
    await this.#controller.prepare();
    const { core } = await this.#controller.start();
    if (mutation?.sql !== undefined) await database.query(mutation.sql);
    const sites = await this.#enrolAll(core, devices);
    const scenario = this.#scenario(sites);
    scenario.push('none', { controller: true });
    scenario.begin();
    const revoked = this.#planRevocations(scenario, sites);
    await this.#pass(hours * HOUR_MS);
    await scenario.heal();
    scenario.push('none');
    await this.#pass(DRAIN_MS);
    const rows = await this.#settle(sites.filter((site) => !revoked.has(site)));
    const shown = this.#shown(scenario, rows);
    await this.#close(sites);
    return shown;
  }

  #shown({ happenings }: Scenario, events: number): FleetRun {
    const { devices, hours, seed } = this.#options;
    return {
      seed,
      devices,
      hours,
      decisions: this.#ledger.decisions,
      events,
      ...happenings,
      controllerKills: this.#controller.kills,
      queries: this.#controller.queries + (this.#controller.running?.connection.queries ?? 0),
      noted: this.#world.noted,
      digest: this.#world.digest,
    };
  }

  #scenario(devices: readonly DeviceSite[]): Scenario {
    return new Scenario({
      world: this.#world,
      broker: this.#broker,
      controller: this.#controller,
      devices,
      ledger: this.#ledger,
      signers: this.#signers,
      tampered: this.#tampered,
      pace: this.#options.pace ?? DAILY_PACE,
    });
  }

  /** Lets time pass, and stops at the first broken invariant. */
  async #pass(milliseconds: number): Promise<void> {
    const endMs = this.#world.nowMs + milliseconds;
    while (this.#world.nowMs < endMs) {
      await this.#world.runUntil(Math.min(endMs, this.#world.nowMs + STEP_MS));
      if (this.#ledger.broken !== null) throw this.#ledger.broken;
    }
  }

  /** Enrols by the real service; time passes as its queries take it. */
  async #enrolAll(core: Core, count: number): Promise<DeviceSite[]> {
    const sites: DeviceSite[] = [];
    let isDone = false;
    const enrolling = (async () => {
      const token = await core.auth.makeFleetToken({
        name: 'all',
        group: 'homes',
        uses: count,
        validForS: 3_600,
      } as Parameters<typeof core.auth.makeFleetToken>[0]);
      for (let index = 1; index <= count; index += 1) {
        sites.push(this.#site(await this.#enrol(core, token, `d${index}` as DeviceId)));
      }
    })().finally(() => {
      isDone = true;
    });
    while (!isDone) await this.#world.runUntil(this.#world.nowMs + 10);
    await enrolling;
    return sites;
  }

  async #enrol(core: Core, token: { id: string; secret: string }, device: DeviceId): Promise<Identity> {
    const random = this.#world.chance(`enrolment ${device}`);
    const key = seededKey(random);
    const nonce = random.bytes(32);
    const { signed } = await core.enrolment.enrol({
      tokenId: token.id,
      secret: token.secret,
      device,
      publicKey: Buffer.from(key.publicKey).toString('base64'),
      nonce: Buffer.from(nonce).toString('base64'),
      proof: signBytes(key, nonce),
    });
    const { brokerUrl, controllerKey, credential, fleet, group } = enrolmentSchema.parse(JSON.parse(signed));
    const { publisher, stranger } = this.#signers;
    const pinned = this.#options.mutation?.trustsStranger === true ? [publisher, stranger] : [publisher];
    return {
      fleet,
      device,
      group,
      credential,
      brokerUrl,
      controllerUrl: 'http://127.0.0.1:1',
      controllerKey,
      publisherFingerprints: pinned.map(({ publicKey }) => fingerprintOf(publicKey)),
    };
  }

  #site(identity: Identity): DeviceSite {
    const world = this.#world;
    const random = world.chance(`clock ${identity.device}`);
    const shipped = makeRelease(1, 'none', this.#signers);
    this.#ledger.release(shipped.digest);
    return new DeviceSite({
      world,
      broker: this.#broker,
      controller: this.#controller,
      runners: this.#runners,
      identity,
      shipped,
      // Wrong clocks are normal: one in four is off by up to a day.
      skewMs: random.share() < 0.25 ? (random.share() * 2 - 1) * DAY_MS : 0,
      beatMs: BEAT_MS,
      tampered: this.#tampered,
      hasLyingDisk: this.#options.mutation?.hasLyingDisks ?? false,
      loads: (digest) => this.#ledger.loads(identity.device, digest),
    });
  }

  #planRevocations(scenario: Scenario, sites: readonly DeviceSite[]): Set<DeviceSite> {
    const random = this.#world.chance('revocations');
    const chosen = sites.filter((_, index) => index % REVOKED_SHARE === REVOKED_SHARE - 1);
    for (const site of chosen) {
      this.#world.after(random.share() * this.#options.hours * HOUR_MS, () => scenario.revoke(site));
    }
    return new Set(chosen);
  }

  async #settle(sites: readonly DeviceSite[]): Promise<number> {
    const { database } = this.#options;
    const rows = (
      await database.query(
        `select device, type, event->>'decision' as decision, event->>'class' as "recordClass",
           coalesce((event->>'dropped')::int, 0) as dropped from events order by position`,
      )
    ).rows as StoredEvent[];
    const open = (
      await database.query(
        `select version, phase from rollouts where phase not in ('done', 'aborted', 'rolled-back', 'superseded')`,
      )
    ).rows as { version: string; phase: string }[];
    // The last release went to everybody at once: whoever looks after rollouts has seen that, also after a crash.
    for (const { phase, version } of open)
      this.#ledger.violate(`the rollout of ${version} is still ${phase}`);
    const known = (await database.query('select device, lines from devices')).rows as {
      device: string;
      lines: Record<string, { running: { digest: string } | null }>;
    }[];
    const words = sites.map((site) => {
      const status = site.running?.agent.status();
      return {
        device: site.name,
        waiting: status?.waiting ?? Number.POSITIVE_INFINITY,
        unreported: 0,
        running: Object.values(status?.lines ?? {})[0]?.running?.digest,
        reported: known.find(({ device }) => device === site.name)?.lines['intent']?.running?.digest,
      };
    });
    this.#ledger.settle(rows, words);
    this.#world.note('end', rows.length, ...words.map(({ running }) => running ?? null));
    if (this.#ledger.broken !== null) throw this.#ledger.broken;
    return rows.length;
  }

  async #close(sites: readonly DeviceSite[]): Promise<void> {
    this.#controller.ended = () => undefined;
    this.#controller.kill();
    for (const site of sites) {
      site.ended = () => undefined;
      site.kill('killed');
    }
    await this.#world.rest();
    await this.#runners.close();
  }
}

/** The device of a client id; null for the controller. */
const deviceOf = (clientId: string): DeviceId | null =>
  clientId.startsWith(`${FLEET}.`) ? (clientId.slice(FLEET.length + 1) as DeviceId) : null;
