/**
 * Keeps this controller's shards: counts up that it lives, takes what is free, gives back what is too much, and stops
 * hearing what it may have lost. On the embedded broker it holds all, since nobody else can hear that broker. Decides by
 * `shards.machine.ts`; sessions are the link's.
 */
import { type DeviceId, LEASE_BEAT_MS, LEASE_MS, type Shard, shardOf } from '@nanofleet/protocol';
import type { CancelTimer, Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { Link } from '../link/link.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { Identity } from '../state/identity.ts';
import { decide, isHolding, type Sightings } from './shards.machine.ts';
import { type HeldLease, ShardsRepository } from './shards.repository.ts';

/** Called with shards that were not this controller's before. */
export type Taken = (shards: readonly Shard[]) => void;

/** The shards of this controller. */
@Injectable()
export class ShardsService {
  readonly #held = new Map<Shard, HeldLease>();
  readonly #taken: Taken[] = [];
  #sightings: Sightings = new Map();
  #beatenAtMs = 0;
  #cancelTick: CancelTimer = () => undefined;
  #cancelExpiry: CancelTimer = () => undefined;
  #ticking: Promise<void> = Promise.resolve();
  #mode: 'alone' | 'shared' | 'ended' = 'ended';

  constructor(
    private readonly repository: ShardsRepository,
    private readonly link: Link,
    private readonly identity: Identity,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** The lease under which this controller acts for a device now; null when another one does, or nobody. */
  leaseOf(device: DeviceId): HeldLease | null {
    return this.#held.get(shardOf(device)) ?? null;
  }

  /** Shards held now. */
  get held(): Shard[] {
    return [...this.#held.keys()];
  }

  /** Whether its leases are good now: none has run out for want of a beat that the database took. */
  get isCurrent(): boolean {
    if (this.#mode === 'shared') return isHolding(this.#beatenAtMs, this.#nowMs());
    return this.#mode === 'alone';
  }

  /** Calls `act` whenever shards came to this controller. */
  onTaken(act: Taken): void {
    this.#taken.push(act);
  }

  /** Holds all shards for as long as this process lives. */
  async holdAll(): Promise<void> {
    this.#mode = 'alone';
    await this.repository.join(this.identity.controllerId);
    this.#note(await this.repository.takeAll(this.identity.controllerId));
  }

  /** Begins to share the shards with other controllers; resolves when it has looked once. */
  async share(): Promise<void> {
    this.#mode = 'shared';
    await this.#join();
    await this.#tick();
    this.#tickLater();
  }

  /** Gives everything back: others need not wait. */
  async end(): Promise<void> {
    const wasShared = this.#mode === 'shared';
    this.#mode = 'ended';
    this.#cancelTick();
    this.#cancelExpiry();
    await this.#ticking;
    const held = [...this.#held.values()];
    await this.#letGo(held.map(({ shard }) => shard));
    if (!wasShared) return;
    for (const lease of held) await this.repository.give(lease);
    await this.repository.leave(this.identity.controllerId);
  }

  #tickLater(): void {
    this.#cancelTick = this.clock.after(LEASE_BEAT_MS, () => {
      this.#ticking = this.#tick().finally(() => {
        if (this.#mode === 'shared') this.#tickLater();
      });
    });
  }

  async #tick(): Promise<void> {
    try {
      const begunMs = this.#nowMs();
      if (await this.repository.beat(this.identity.controllerId)) this.#beaten(begunMs);
      else await this.#rejoin();
      await this.#balance();
    } catch (thrown) {
      this.log.warn('the leases could not be renewed', factsOf(thrown));
    }
  }

  async #balance(): Promise<void> {
    const view = await this.repository.view();
    const me = this.identity.controllerId;
    const decision = decide(me, { before: this.#sightings, nowMs: this.#nowMs(), view });
    this.#sightings = decision.sightings;
    for (const peer of decision.bury) {
      this.log.warn('a controller is silent and loses its shards', { controller: peer.id });
      await this.repository.bury(peer);
    }
    const given = decision.give.flatMap(({ shard }) => this.#held.get(shard) ?? []);
    await this.#letGo(given.map(({ shard }) => shard));
    for (const lease of given) await this.repository.give(lease);
    const taken: HeldLease[] = [];
    for (const lease of decision.take) {
      const held = await this.repository.take(me, lease);
      if (held !== null) taken.push(held);
    }
    this.#hear(taken);
  }

  /** Enters among the living; what an earlier process of this very directory held is this one's at once. */
  async #join(): Promise<void> {
    const begunMs = this.#nowMs();
    await this.repository.join(this.identity.controllerId);
    this.#beaten(begunMs);
    this.#hear(await this.repository.retake(this.identity.controllerId));
  }

  async #rejoin(): Promise<void> {
    this.log.warn('this controller was taken for dead', { shards: this.#held.size });
    await this.#letGo(this.held);
    await this.#join();
  }

  #beaten(begunMs: number): void {
    this.#beatenAtMs = begunMs;
    this.#cancelExpiry();
    this.#cancelExpiry = this.clock.after(LEASE_MS - (this.#nowMs() - begunMs), () => this.#expire());
  }

  /** Too long without a beat that the database took: somebody else may hold them by now. */
  #expire(): void {
    if (this.#mode !== 'shared' || isHolding(this.#beatenAtMs, this.#nowMs())) return;
    this.log.warn('the leases ran out', { shards: this.#held.size });
    this.#letGo(this.held).catch((thrown: unknown) =>
      this.log.warn('a session was not closed', factsOf(thrown)),
    );
  }

  #hear(leases: readonly HeldLease[]): void {
    this.#note(leases);
    for (const { shard } of leases) this.link.hear(shard);
    if (leases.length > 0)
      this.log.info('shards are heard', { shards: leases.map(({ shard }) => shard).join(' ') });
  }

  #note(leases: readonly HeldLease[]): void {
    for (const lease of leases) this.#held.set(lease.shard, lease);
    if (leases.length === 0) return;
    for (const act of this.#taken) act(leases.map(({ shard }) => shard));
  }

  async #letGo(shards: readonly Shard[]): Promise<void> {
    for (const shard of shards) this.#held.delete(shard);
    await Promise.all(shards.map((shard) => this.link.leave(shard)));
  }

  #nowMs(): number {
    return this.clock.monotonicMicros() / 1_000;
  }
}
