// Timers by the moment when they are due, those of one moment in the order in which they were set. Never runs one itself.
import type { CancelTimer } from '@nanofleet/runtime/ports';

/** A timer that waits. */
export interface Timer {
  readonly dueMs: number;
  readonly order: number;
  run: () => void;
  isCancelled: boolean;
}

const isBefore = (a: Timer, b: Timer): boolean =>
  a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

const nothing = (): void => undefined;

/** A binary heap of timers. */
export class TimerHeap {
  readonly #heap: Timer[] = [];
  #order = 0;

  /** Sets a timer. */
  add(dueMs: number, run: () => void): CancelTimer {
    const timer = { dueMs, order: this.#order, run, isCancelled: false };
    this.#order += 1;
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    return () => {
      timer.isCancelled = true;
      timer.run = nothing;
    };
  }

  /** Takes out the next timer that is due by then. */
  takeDue(untilMs: number): Timer | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || (first.dueMs > untilMs && !first.isCancelled)) return undefined;
      this.#removeFirst();
      if (!first.isCancelled) return first;
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapIfBefore(at, parent)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const left = at * 2 + 1;
      const [a, b] = [this.#heap[left], this.#heap[left + 1]];
      const child = a !== undefined && b !== undefined && isBefore(b, a) ? left + 1 : left;
      if (!this.#swapIfBefore(child, at)) return;
      at = child;
    }
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    const [a, b] = [this.#heap[lower], this.#heap[upper]];
    if (a === undefined || b === undefined || !isBefore(a, b)) return false;
    this.#heap[lower] = b;
    this.#heap[upper] = a;
    return true;
  }
}
