// One connection to the broker of the world: two lanes in which nothing overtakes, and the end that comes exactly once.
// Never decides what may pass.
import {
  type ConnectionHandlers,
  type ConnectOptions,
  linkUnavailable,
  type Random,
} from '@nanofleet/runtime/ports';
import type { Life } from './life.ts';
import type { NetworkPath } from './network-path.ts';
import type { World } from './world.ts';

const INNER_DELAY_MS = 0.5;
/** Why the broker ends a connection whose login it does not know. */
export const REFUSED = 'refused';

/** What a connection begins with. */
export interface Connecting {
  readonly options: ConnectOptions;
  readonly handlers: ConnectionHandlers;
  readonly life: Life;
  /** Null within the controller's process. */
  readonly path: NetworkPath | null;
}

/** A connection. */
export class BrokerClient implements Connecting {
  readonly options: ConnectOptions;
  readonly handlers: ConnectionHandlers;
  readonly life: Life;
  readonly path: NetworkPath | null;
  /** Whether the broker has let it in. */
  isAdmitted = false;
  /** Whether the broker has ended it. */
  isEnded = false;
  readonly #world: World;
  readonly #random: Random;
  readonly #asked = new Set<(ended: Error) => void>();
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #isMute = false;
  readonly #lanes = { up: 0, down: 0 };

  constructor(world: World, { options, handlers, life, path }: Connecting) {
    this.#world = world;
    this.options = options;
    this.handlers = handlers;
    this.life = life;
    this.path = path;
    this.#random = world.chance(`client ${options.clientId} ${world.nowMs}`);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Something goes to the broker; lost when the link is cut on the way. */
  up(act: () => void): void {
    this.#pass('up', () => {
      if (!this.isEnded) act();
    });
  }

  /** Something goes to the client. */
  down(act: () => void): void {
    this.#pass('down', () => {
      if (this.#state !== 'closed') act();
    });
  }

  /** Nothing passes any more. */
  mute(): void {
    this.#isMute = true;
  }

  /** The client's end notices after a while that nothing passes. */
  noticeLoss(afterMs: number): void {
    this.#world.after(afterMs, () => this.close('the link is gone'), this.life);
  }

  /** A connection that does not open in time is given up. */
  giveUpAfter(timeoutMs: number): void {
    const giveUp = (): void => {
      if (this.#state === 'connecting') this.close('no answer in time');
    };
    this.#world.after(timeoutMs, giveUp, this.life);
  }

  /** The broker has let it in. */
  open(given: { isSessionKept: boolean }): void {
    if (this.#state !== 'connecting' || !this.life.isAlive) return;
    this.#state = 'open';
    this.handlers.opened(given);
  }

  /** The client's end of it, once. */
  close(reason: string | null): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const end of this.#asked) end(linkUnavailable(reason ?? 'ended'));
    queueMicrotask(() => {
      if (this.life.isAlive) this.handlers.closed(reason, { isRefused: reason === REFUSED });
    });
  }

  /** What is asked of the broker: settled by its answer, or by the end. */
  ask(act: (answered: (refused?: unknown) => void) => void): Promise<void> {
    if (!this.life.isAlive) return new Promise(() => undefined);
    if (this.#state !== 'open') return Promise.reject(linkUnavailable('it is not open'));
    return new Promise((resolve, reject) => {
      this.#asked.add(reject);
      act((refused) => {
        this.#asked.delete(reject);
        if (!this.life.isAlive) return;
        if (refused === undefined) resolve();
        else reject(refused instanceof Error ? refused : linkUnavailable(refused));
      });
    });
  }

  #pass(lane: 'up' | 'down', act: () => void): void {
    const delayMs = this.path === null ? INNER_DELAY_MS : this.path.delayMs;
    const now = this.#world.nowMs;
    const arrivesMs = Math.max(this.#lanes[lane] + 0.001, now + 0.01 + this.#random.share() * delayMs);
    this.#lanes[lane] = arrivesMs;
    this.#world.after(arrivesMs - now, () => {
      const isCut = this.#isMute || this.path?.isUp === false;
      if (!isCut && (lane === 'up' || this.life.isAlive)) act();
    });
  }
}
