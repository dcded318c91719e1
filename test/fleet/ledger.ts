// What must hold in a simulated fleet, checked against what its witnesses saw: decisions that were answered, bundles that
// ran, messages that the broker took and gave, rows that the database has. Never touches the world.
import {
  type DeviceId,
  type Digest,
  decodeMessage,
  kindOfChannel,
  type LineReport,
  parseTopic,
} from '@nanofleet/protocol';
import type { BrokerWitness } from './broker.ts';
import type { World } from './world.ts';

/** What a power cut may take: records that were answered so lately (docs/architecture.md, invariant 2). */
const UNSYNCED_MS = 20;
/** A revoked device is cut at once; what the broker had taken before is still on its way. */
const REVOKE_GRACE_MS = 1_000;

/** A broken invariant: says which, where and how to replay it. */
export class InvariantBroken extends Error {
  readonly seed: number;

  constructor(what: string, world: World) {
    const last = world.recent.slice(-12).join('\n  ');
    super(`seed ${world.seed}: ${what}\n  the last events:\n  ${last}`);
    this.seed = world.seed;
  }
}

interface Answered {
  readonly device: string;
  readonly atMs: number;
  isCertain: boolean;
}

/** A row of the events table, as the end of a run reads it. */
export interface StoredEvent {
  readonly device: string;
  readonly type: string;
  readonly decision: string | null;
  readonly dropped: number;
  readonly recordClass: string | null;
}

/** What a device tells at the end. */
export interface LastWord {
  readonly device: string;
  readonly waiting: number;
  /** Records of the class `decision` that were lost and not reported yet. */
  readonly unreported: number;
  readonly running: string | undefined;
  readonly reported: string | undefined;
}

/** The account of one run. */
export class Ledger implements BrokerWitness {
  readonly #world: World;
  readonly #answered = new Map<string, Answered>();
  readonly #asked = new Map<string, number>();
  readonly #good = new Set<string>();
  readonly #revoked = new Map<string, number>();
  readonly #forged = new Set<string>();
  /** Counters of releases that went in waves: devices may have been ordered back from them. */
  readonly #staged = new Set<number>();
  /** Counter of the newest release that each device has said to run. */
  readonly #newest = new Map<string, number>();
  readonly #deviceOf: (clientId: string) => DeviceId | null;
  broken: InvariantBroken | null = null;

  constructor(world: World, deviceOf: (clientId: string) => DeviceId | null) {
    this.#world = world;
    this.#deviceOf = deviceOf;
  }

  /** Decisions that were answered. */
  get decisions(): number {
    return this.#answered.size;
  }

  /** Says that something must not be. The first one counts. */
  violate(what: string): void {
    this.broken ??= new InvariantBroken(what, this.#world);
  }

  /** A bundle that may run. */
  release(digest: Digest): void {
    this.#good.add(digest);
  }

  /** A release that goes in waves, and may be taken back. */
  staged(counter: number): void {
    this.#staged.add(counter);
  }

  /** Invariant 3: a bundle is about to run. */
  loads(device: string, digest: Digest): void {
    if (!this.#good.has(digest)) this.violate(`${device} runs bundle ${digest}, which must be refused`);
  }

  /** Invariant 4: after a start each line runs one accepted version, and none older than it had said before unless by order. */
  started(device: string, lines: readonly Pick<LineReport, 'running' | 'committed'>[]): void {
    const running = lines.flatMap(({ running }) => running ?? []);
    const [only] = running;
    const committed = lines[0]?.committed ?? null;
    // No room for the first version: there was none that could run on.
    if (only === undefined && !this.#newest.has(device)) return;
    if (running.length !== 1 || only === undefined) {
      return this.violate(`${device} runs ${running.length} versions of its line after a start`);
    }
    if (!this.#good.has(only.digest)) this.violate(`${device} runs ${only.digest}, which was never good`);
    if (committed !== null && committed !== only.digest) {
      this.violate(`${device} runs ${only.digest} after a start, but has committed ${committed}`);
    }
    const before = this.#newest.get(device) ?? 0;
    if (only.releaseCounter < before && !this.#staged.has(before)) {
      this.violate(`${device} runs release ${only.releaseCounter} after it had run ${before}`);
    }
    if (committed !== null) this.#newest.set(device, only.releaseCounter);
  }

  /** A device is asked. */
  asks(device: string): void {
    this.#asked.set(device, (this.#asked.get(device) ?? 0) + 1);
  }

  /** Invariant 1: it has answered, in the same moment unless it had to wait for the disk. */
  answers(device: string, answer: { id: string; digest: string; askedMs: number; isDurable: boolean }): void {
    const { askedMs, digest, id, isDurable } = answer;
    this.#asked.set(device, (this.#asked.get(device) ?? 0) - 1);
    if (this.#answered.has(id)) this.violate(`${device} gave the id ${id} twice`);
    if (!this.#good.has(digest)) this.violate(`${device} answered by ${digest}, which was never good`);
    if (!isDurable && this.#world.nowMs !== askedMs) this.violate(`${device} took time to answer ${id}`);
    this.#answered.set(id, { device, atMs: this.#world.nowMs, isCertain: true });
  }

  /** Invariant 1: it could not answer. */
  fails(device: string, code: string): void {
    this.violate(`${device} did not answer: ${code}`);
  }

  /** What was answered just before a power cut may be gone. */
  powerCut(device: string): void {
    for (const answered of [...this.#answered.values()].toReversed()) {
      if (this.#world.nowMs - answered.atMs > UNSYNCED_MS) return;
      if (answered.device === device) answered.isCertain = false;
    }
  }

  /** From now on nothing of a device counts, and nothing of it may be heard. */
  revoked(device: string): void {
    this.#revoked.set(device, this.#world.nowMs);
  }

  /** A decision id that a stranger invented. */
  forged(decision: string): void {
    this.#forged.add(decision);
  }

  /** Invariant 6: whose topic a message is on that the broker took. */
  accepted(clientId: string, topic: string, payload: Uint8Array): void {
    this.#world.note('taken', clientId, topic, payload.length, checkOf(payload));
    const device = this.#deviceOf(clientId);
    if (device === null) return;
    const { device: owner } = parseTopic(topic);
    if (owner !== device) this.violate(`a message of ${device} was taken on a topic of ${owner}`);
    const sinceMs = this.#world.nowMs - (this.#revoked.get(device) ?? Number.POSITIVE_INFINITY);
    if (sinceMs > REVOKE_GRACE_MS) this.violate(`a message of ${device} was taken after its revocation`);
  }

  /** Invariant 6: whose topic a message is on that a client was given, and whom it is about. */
  delivered(clientId: string, topic: string, payload: Uint8Array): void {
    const device = this.#deviceOf(clientId);
    if (device === null) return;
    const { channel, device: owner } = parseTopic(topic);
    if (owner !== device) return this.violate(`${device} was given a message of ${owner}`);
    if (payload.length === 0 || kindOfChannel(channel) === null) return;
    const about = decodeMessage(payload).device;
    if (about !== device) this.violate(`${device} was given a message about ${about}`);
  }

  /** Invariant 2, at the end: each answered decision is stored once, or its loss was counted and reported. */
  settle(rows: readonly StoredEvent[], words: readonly LastWord[]): void {
    const times = new Map<string, number>();
    for (const { decision } of rows)
      if (decision !== null) times.set(decision, (times.get(decision) ?? 0) + 1);
    for (const [decision, count] of times) {
      if (count > 1) this.violate(`decision ${decision} is stored ${count} times`);
      if (this.#forged.has(decision)) this.violate(`the forged decision ${decision} is stored`);
    }
    for (const word of words) this.#settleOne(word, { rows, times });
  }

  #settleOne(
    word: LastWord,
    stored: { rows: readonly StoredEvent[]; times: ReadonlyMap<string, number> },
  ): void {
    const { device, reported, running, unreported, waiting } = word;
    if (waiting > 0) this.violate(`${device} still has ${waiting} records to send`);
    if (running !== reported) this.violate(`${device} runs ${running}, but reported ${reported}`);
    const mine = stored.rows.filter((row) => row.device === device);
    const answered = [...this.#answered].filter(([, { device: owner }]) => owner === device);
    const missing = answered.filter(([id, { isCertain }]) => isCertain && !stored.times.has(id)).length;
    const told = mine.filter(({ recordClass }) => recordClass === 'decision');
    const lost = told.reduce((sum, { dropped }) => sum + dropped, unreported);
    if (missing > lost) this.violate(`${device} lost ${missing} decisions and reported ${lost}`);
    const known = new Set(answered.map(([id]) => id));
    const strange = mine.filter(({ decision }) => decision !== null && !known.has(decision)).length;
    const open = this.#asked.get(device) ?? 0;
    if (strange > open) this.violate(`${device} has ${strange} decisions stored that it never gave`);
  }
}

/** A short check of bytes for the record of events. */
const checkOf = (payload: Uint8Array): number => {
  let check = 0x811c9dc5;
  for (const byte of payload) check = Math.imul(check ^ byte, 0x01000193) >>> 0;
  return check;
};
