import { silentLog } from '@nanofleet/runtime/ports';
import { MemoryDisk } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import type { Host } from '../ports/host.ts';
import { SteadyTime } from './steady-time.ts';

const START = Date.parse('2026-11-25T12:00:00Z');

/** A machine whose clock can be set, and which can be restarted. */
class Machine {
  readonly disk = new MemoryDisk();
  wallMs = START;
  uptimeMs = 1_000;
  monotonicMs = 0;
  boot = 'first';

  pass(milliseconds: number): void {
    this.wallMs += milliseconds;
    this.uptimeMs += milliseconds;
    this.monotonicMs += milliseconds;
  }

  /** The process ends; it starts again after some time. */
  restart({ afterMs = 10 } = {}): SteadyTime {
    this.pass(afterMs);
    this.monotonicMs = 0;
    return this.time();
  }

  reboot(afterMs: number): SteadyTime {
    this.wallMs += afterMs;
    this.boot = 'second';
    this.uptimeMs = 0;
    this.monotonicMs = 0;
    return this.time();
  }

  time(): SteadyTime {
    const host = { boot: () => ({ id: this.boot, uptimeMs: this.uptimeMs }) } as unknown as Host;
    const clock = {
      unixMs: () => this.wallMs,
      monotonicMicros: () => this.monotonicMs * 1_000,
      after: () => () => undefined,
      breathe: () => Promise.resolve(),
    };
    return new SteadyTime({ clock, host, disk: this.disk, path: '/time.json', log: silentLog });
  }
}

it('begins as the machine has it and follows the time that passes, not the clock that is set', () => {
  const machine = new Machine();
  const time = machine.time();
  expect(time.nowMs()).toBe(START);
  machine.wallMs += 86_400_000;
  machine.pass(500);
  expect(time.nowMs()).toBe(START + 500);
  machine.wallMs -= 10 * 86_400_000;
  machine.pass(500);
  time.note();
  expect(time.nowMs()).toBe(START + 1_000);
});

it('goes on across a restart of the process, also when the clock was set before, between or after', () => {
  const machine = new Machine();
  machine.time();
  machine.wallMs += 86_400_000;
  const second = machine.restart({ afterMs: 2_000 });
  expect(second.nowMs()).toBe(START + 2_000);
  machine.wallMs -= 3_600_000;
  machine.pass(100);
  second.note();
  expect(machine.restart({ afterMs: 900 }).nowMs()).toBe(START + 3_000);
});

it('goes on across a boot by the clock, less by how much that was ahead', () => {
  const machine = new Machine();
  const time = machine.time();
  machine.wallMs += 50 * 86_400_000;
  machine.pass(1_000);
  time.note();
  expect(machine.reboot(30_000).nowMs()).toBe(START + 31_000);
});

it('never falls behind what it was, though a boot finds the clock at 1970', () => {
  const machine = new Machine();
  const time = machine.time();
  machine.pass(2 * 3_600_000);
  time.note();
  machine.wallMs = 0;
  expect(machine.reboot(0).nowMs()).toBe(START + 2 * 3_600_000);
});

it('catches up after the machine slept, when the monotonic clock stood still', () => {
  const machine = new Machine();
  const time = machine.time();
  machine.uptimeMs += 60_000;
  machine.wallMs += 60_000;
  time.note();
  expect(time.nowMs()).toBe(START + 60_000);
});

it('is written down only when something has changed', () => {
  const machine = new Machine();
  const time = machine.time();
  const written = machine.disk.read('/time.json');
  machine.pass(5_000);
  machine.wallMs += 20;
  time.note();
  expect(machine.disk.read('/time.json')).toEqual(written);
});
