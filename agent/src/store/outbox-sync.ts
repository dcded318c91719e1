/**
 * Group fsync: everything written is made durable within OUTBOX_SYNC_DELAY_MS by one sync per file, and whoever asks can
 * wait for it. Owns when files are synced and when files that are no longer used may be closed.
 */

import { OUTBOX_SYNC_DELAY_MS } from '@nanofleet/protocol';
import type { CancelTimer, Clock, DiskFile } from '@nanofleet/runtime/ports';

/** Half of the promise: the other half is for the sync itself. */
const DELAY_MS = OUTBOX_SYNC_DELAY_MS / 2;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** The syncing of a set of files. */
export class OutboxSync {
  readonly #clock: Clock;
  readonly #failed: (reason: unknown) => void;
  #dirty = new Set<DiskFile>();
  #retired: DiskFile[] = [];
  #waiters: Waiter[] = [];
  #cancel: CancelTimer | null = null;
  #running: Promise<void> | null = null;

  constructor(clock: Clock, failed: (reason: unknown) => void) {
    this.#clock = clock;
    this.#failed = failed;
  }

  /** Notes that a file was written; it is synced soon. */
  wrote(file: DiskFile): void {
    this.#dirty.add(file);
    if (this.#cancel === null && this.#running === null) this.#schedule();
  }

  /** Closes a file that is no longer used, once no sync is under way. */
  retire(file: DiskFile): void {
    this.#dirty.delete(file);
    if (this.#running === null) file.close();
    else this.#retired.push(file);
  }

  /** Resolves when everything written so far is durable; rejects with the disk's error. */
  flushed(): Promise<void> {
    if (this.#dirty.size === 0 && this.#running === null) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#running === null) this.#start();
    });
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(DELAY_MS, () => this.#start());
  }

  #start(): void {
    this.#cancel?.();
    this.#cancel = null;
    const files = [...this.#dirty];
    const waiters = this.#waiters;
    this.#dirty = new Set();
    this.#waiters = [];
    this.#running = this.#run(files, waiters);
  }

  async #run(files: readonly DiskFile[], waiters: readonly Waiter[]): Promise<void> {
    let isFailed = false;
    try {
      await Promise.all(files.map((file) => file.sync()));
      for (const { resolve } of waiters) resolve();
    } catch (thrown) {
      isFailed = true;
      // Not durable yet: the next write, or whoever asks next, has it tried again.
      for (const file of files) this.#dirty.add(file);
      this.#failed(thrown);
      for (const { reject } of waiters) reject(thrown);
    } finally {
      this.#running = null;
      for (const file of this.#retired.splice(0)) {
        this.#dirty.delete(file);
        file.close();
      }
      if (this.#waiters.length > 0) this.#start();
      else if (this.#dirty.size > 0 && !isFailed) this.#schedule();
    }
  }
}
