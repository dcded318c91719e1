// What befalls a simulated fleet, all from its seed: questions, cut links, kills, power cuts, full disks, a controller that
// is killed, good and bad releases, revocations, a stranger. Owns when; never checks anything.
import type { Agent } from '@nanofleet/agent';
import type { Core } from '@nanofleet/controller';
import {
  decodeMessage,
  encodeMessage,
  NanofleetError,
  type RolloutPlan,
  rolloutPlanSchema,
  toNanofleetError,
  topicOf,
} from '@nanofleet/protocol';
import type { Random } from '@nanofleet/runtime/ports';
import { newId } from '@nanofleet/runtime/ports';
import type { Broker } from './broker.ts';
import type { ControllerSite } from './controller-site.ts';
import type { DeviceSite, Ending } from './device-site.ts';
import type { Ledger } from './ledger.ts';
import { Life } from './life.ts';
import { NetworkPath } from './network-path.ts';
import { type Flaw, makeRelease, manifestOf, type Release, type Signers } from './releases.ts';
import type { World } from './world.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** A planned death that no change of a disk, no query brought comes by itself. */
const DEATH_AT_LATEST_MS = 10 * MINUTE_MS;
const CHANGES_MAX = 40;
const QUERIES_MAX = 60;

/** Mean times between what happens. */
export interface Pace {
  readonly questionMs: number;
  readonly cutMs: number;
  readonly deathMs: number;
  readonly fullDiskMs: number;
  readonly controllerDeathMs: number;
  readonly pushMs: number;
  readonly strangerMs: number;
}

/** As in a campaign of a day. */
export const DAILY_PACE: Pace = {
  questionMs: 20 * MINUTE_MS,
  cutMs: 4 * HOUR_MS,
  deathMs: 5 * HOUR_MS,
  fullDiskMs: 24 * HOUR_MS,
  controllerDeathMs: 2 * HOUR_MS,
  pushMs: 2 * HOUR_MS,
  strangerMs: 3 * HOUR_MS,
};

/** A day's troubles within some hours. */
export const BUSY_PACE: Pace = {
  questionMs: 10 * MINUTE_MS,
  cutMs: HOUR_MS,
  deathMs: HOUR_MS,
  fullDiskMs: 6 * HOUR_MS,
  controllerDeathMs: 20 * MINUTE_MS,
  pushMs: 20 * MINUTE_MS,
  strangerMs: 15 * MINUTE_MS,
};

const WORDS = ['light on', 'off', 'warmer please', 'is the door shut', 'play', 'stop it', 'a', 'zzz zzz zzz'];

/** What a scenario plays with. */
export interface Cast {
  readonly world: World;
  readonly broker: Broker;
  readonly controller: ControllerSite;
  readonly devices: readonly DeviceSite[];
  readonly ledger: Ledger;
  readonly signers: Signers;
  readonly tampered: Set<string>;
  readonly pace: Pace;
}

/** How often what happened. */
export interface Happenings {
  cuts: number;
  kills: number;
  powerCuts: number;
  stops: number;
  fullDisks: number;
  pushes: number;
  /** Of these, in waves. */
  staged: number;
  strangers: number;
}

/** A scenario. */
export class Scenario {
  readonly happenings: Happenings = {
    cuts: 0,
    kills: 0,
    powerCuts: 0,
    stops: 0,
    fullDisks: 0,
    pushes: 0,
    staged: 0,
    strangers: 0,
  };
  readonly #cast: Cast;
  readonly #operator: Random;
  #counter = 1;
  #isOver = false;

  constructor(cast: Cast) {
    this.#cast = cast;
    this.#operator = cast.world.chance('operator');
  }

  /** Begins everything. */
  begin(): void {
    const { controller, devices, pace } = this.#cast;
    for (const device of devices) this.#beginDevice(device);
    controller.ended = () => this.#controllerAgain();
    this.#again(this.#operator, pace.controllerDeathMs, () => this.#doomController());
    this.#again(this.#operator, pace.pushMs, () => this.push(this.#flaw(), { all: true }, this.#plan()));
    this.#again(this.#operator, pace.strangerMs, () => this.#stranger());
  }

  /** No more faults, no more questions; what is down comes up. */
  async heal(): Promise<void> {
    const { controller, devices } = this.#cast;
    this.#isOver = true;
    if (controller.running === null) await controller.start();
    for (const device of devices) {
      device.mend();
      device.isDiskFull = false;
      if (device.running === null) await this.#start(device);
      if (device.running !== null) device.running.disk.doom = null;
    }
    if (controller.running !== null) controller.running.connection.doom = null;
  }

  /** The operator makes a release and rolls it out, trying again until the controller has taken it. @param plan left out: to all at once */
  push(flaw: Flaw, target: { all: true } | { controller: true } = { all: true }, plan?: RolloutPlan): void {
    const { ledger, signers, tampered, world } = this.#cast;
    this.#counter += 1;
    this.happenings.pushes += 1;
    if (plan !== undefined) {
      this.happenings.staged += 1;
      ledger.staged(this.#counter);
    }
    const release = makeRelease(this.#counter, flaw, signers);
    if (flaw === 'none') ledger.release(release.digest);
    if (flaw === 'tampered') tampered.add(release.digest);
    world.note('push', release.counter, flaw);
    this.#operate((core) => publish(core, release, { target, ...(plan && { plan }) }));
  }

  /** The operator cuts a device off for good. */
  revoke(device: DeviceSite): void {
    this.#operate(async (core) => {
      await core.devices.revoke(device.name);
      this.#cast.ledger.revoked(device.name);
      this.#cast.world.note('revoked', device.name);
    });
  }

  /** Starts an agent and checks what it runs. */
  async #start(device: DeviceSite): Promise<void> {
    const { ledger, world } = this.#cast;
    try {
      const { agent } = await device.start();
      ledger.started(device.name, Object.values(agent.status().lines));
    } catch (thrown) {
      ledger.violate(`${device.name} did not start: ${toNanofleetError(thrown).message}`);
      world.note('not started', device.name);
    }
  }

  #beginDevice(device: DeviceSite): void {
    const { pace, world } = this.#cast;
    device.ended = (how) => this.#deviceAgain(device, how);
    world.after(device.random.share() * MINUTE_MS, () => void this.#start(device));
    this.#again(device.random, pace.questionMs, () => void this.#question(device));
    this.#again(device.random, pace.cutMs, () => this.#cut(device));
    this.#again(device.random, pace.deathMs, () => this.#doom(device));
    this.#again(device.random, pace.fullDiskMs, () => this.#fillDisk(device));
  }

  /** Does it again and again, at times that do not depend on one another. */
  #again(random: Random, meanMs: number, act: () => void): void {
    this.#cast.world.after(exponential(random, meanMs), () => {
      if (this.#isOver) return;
      act();
      this.#again(random, meanMs, act);
    });
  }

  async #question(device: DeviceSite): Promise<void> {
    const { ledger, world } = this.#cast;
    const process = device.running;
    if (process === null || !isLoaded(process.agent)) return;
    const { random } = device;
    const text = `${pick(WORDS, random)} ${pick(WORDS, random)}`;
    const isDurable = random.share() < 0.1 && !device.isDiskFull;
    const askedMs = world.nowMs;
    ledger.asks(device.name);
    try {
      const { digest, id, offload } = await process.agent.decide(text, isDurable ? { durable: true } : {});
      if (!process.life.isAlive) return;
      world.note('answered', device.name, id, offload.status);
      ledger.answers(device.name, { id, digest: digest ?? '', askedMs, isDurable });
    } catch (thrown) {
      if (process.life.isAlive) ledger.fails(device.name, toNanofleetError(thrown).message);
    }
  }

  #cut(device: DeviceSite): void {
    if (!device.path.isUp) return;
    const { random } = device;
    const isSilent = random.share() < 0.5;
    this.happenings.cuts += 1;
    this.#cast.world.note('cut', device.name, isSilent);
    device.cut({ isSilent });
    this.#cast.world.after(exponential(random, 15 * MINUTE_MS), () => device.mend());
  }

  #doom(device: DeviceSite): void {
    const process = device.running;
    if (process === null) return;
    const { random } = device;
    const chance = random.share();
    if (chance < 0.2 && isLoaded(process.agent)) return void device.stop();
    const how = chance < 0.6 ? 'killed' : 'power cut';
    const die = (): void => {
      if (device.running === process) device.kill(how);
    };
    process.disk.doom = {
      changesLeft: Math.ceil(random.share() * CHANGES_MAX),
      at: pick(['before', 'within', 'after'], random),
      die,
    };
    this.#cast.world.after(DEATH_AT_LATEST_MS, die);
  }

  #deviceAgain(device: DeviceSite, how: Ending): void {
    const { ledger, world } = this.#cast;
    const { random } = device;
    if (how === 'power cut') ledger.powerCut(device.name);
    this.happenings[how === 'killed' ? 'kills' : how === 'stopped' ? 'stops' : 'powerCuts'] += 1;
    world.after(exponential(random, 3 * MINUTE_MS), () => {
      if (device.running !== null) return;
      void this.#start(device);
      // Some die again while they come up.
      if (!this.#isOver && random.share() < 0.3) this.#doom(device);
    });
  }

  #fillDisk(device: DeviceSite): void {
    this.happenings.fullDisks += 1;
    this.#cast.world.note('disk full', device.name);
    device.isDiskFull = true;
    this.#cast.world.after(exponential(device.random, 20 * MINUTE_MS), () => {
      device.isDiskFull = false;
    });
  }

  #doomController(): void {
    const { broker, controller, world } = this.#cast;
    const process = controller.running;
    if (process === null) return;
    if (this.#operator.share() < 0.3) {
      world.note('inner cut');
      return broker.cutInner();
    }
    const die = (): void => {
      if (controller.running === process) controller.kill();
    };
    const queriesLeft = Math.ceil(this.#operator.share() * QUERIES_MAX);
    process.connection.doom = { queriesLeft, isDone: this.#operator.share() < 0.5, die };
    world.after(DEATH_AT_LATEST_MS, die);
  }

  #controllerAgain(): void {
    const { controller, world } = this.#cast;
    world.after(exponential(this.#operator, MINUTE_MS), () => {
      if (controller.running === null) void controller.start();
    });
  }

  /** Every second release goes in waves, half of them through a gate. */
  #plan(): RolloutPlan | undefined {
    if (this.#operator.share() < 0.5) return undefined;
    const gate = this.#operator.share() < 0.5 ? { gate: { decisions: 5, deadlineS: 900 } } : {};
    return rolloutPlanSchema.parse({
      ...{ waves: [{ count: 2 }, { percent: 50 }], errors: { count: 2 }, deviceS: 300, retries: 1 },
      ...gate,
    });
  }

  #flaw(): Flaw {
    const chance = this.#operator.share();
    if (chance < 0.5) return 'none';
    return pick(['golden', 'needs', 'foreign', 'tampered'], this.#operator);
  }

  /** Whatever the operator does is done again by a controller that comes up, until one has finished it. */
  #operate(act: (core: Core) => Promise<void>): void {
    const { controller, ledger, world } = this.#cast;
    const process = controller.running;
    const later = (): void => void world.after(30 * SECOND_MS, () => this.#operate(act));
    if (process === null) return later();
    let isDone = false;
    process.life.onEnd(() => {
      if (!isDone) later();
    });
    act(process.core).then(
      () => {
        isDone = true;
      },
      (thrown: unknown) => ledger.violate(`the operator was refused: ${toNanofleetError(thrown).message}`),
    );
  }

  /** Somebody with the credential of a device that is down tries to be another one. */
  #stranger(): void {
    const { devices } = this.#cast;
    const thief = devices.find(({ running }) => running === null);
    const victim = pick(devices, this.#operator);
    if (thief === undefined || thief === victim) return;
    this.happenings.strangers += 1;
    impersonate(this.#cast, { thief, victim, random: this.#operator });
  }
}

const impersonate = (
  { broker, ledger, world }: Cast,
  { random, thief, victim }: { thief: DeviceSite; victim: DeviceSite; random: Random },
): void => {
  const life = new Life();
  const { fleet, device, credential, brokerUrl } = thief.identity;
  const decision = newId(world.clockOf(life), random);
  ledger.forged(decision);
  const event = encodeMessage({
    kind: 'event',
    device: victim.name,
    at: Math.floor(world.nowMs),
    record: { epoch: '0123456789abcdef', sequence: 1 },
    body: {
      type: 'decision',
      decision,
      line: 'intent',
      version: '1.0.0',
      tier: 'nano',
      micros: 1,
      label: 'first',
      confidence: 1,
      outOfScope: 0,
      verdict: 'sure',
    },
  } as Parameters<typeof encodeMessage>[0]);
  decodeMessage(event);
  const on = (owner: DeviceSite['name'], kind: 'event' | 'desired') =>
    topicOf({ fleet, device: owner, channel: { kind } });
  const connection = broker.transportOf(life, new NetworkPath()).connect(
    {
      url: brokerUrl,
      clientId: `${fleet}.${device}`,
      password: credential,
      keepaliveS: 60,
      connectTimeoutMs: 10_000,
    },
    {
      opened: () => {
        world.note('stranger', device, victim.name);
        const ignore = (): void => undefined;
        void connection.subscribe([on(victim.name, 'desired')]).catch(ignore);
        void connection.publish(on(thief.name, 'event'), event, { qos: 1, isRetained: false }).catch(ignore);
        void connection.publish(on(victim.name, 'event'), event, { qos: 1, isRetained: false }).catch(ignore);
        world.after(MINUTE_MS, () => life.end());
        world.after(MINUTE_MS / 2, () => void connection.end({ isOrderly: true }));
      },
      received: () => undefined,
      closed: () => undefined,
    },
  );
};

const publish = async (
  core: Core,
  release: Release,
  how: { target: { all: true } | { controller: true }; plan?: RolloutPlan },
): Promise<void> => {
  for (const [digest, bytes] of release.blobs) await core.blobs.put(digest, oneChunk(bytes));
  const { manifest, signature } = manifestOf(release);
  await core.models.add(manifest, signature);
  await core.rollouts.make({ digest: release.digest, ...how });
};

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** Whether its lines run: before that there is nothing to ask, and nothing to stop in order. */
const isLoaded = (agent: Agent): boolean => Object.keys(agent.lines()).length > 0;

const exponential = (random: Random, mean: number): number => -Math.log(1 - random.share()) * mean;

const pick = <T>(from: readonly T[], random: Random): T => {
  const chosen = from[Math.floor(random.share() * from.length)];
  if (chosen === undefined) throw new NanofleetError('INTERNAL', 'nothing to choose from');
  return chosen;
};
