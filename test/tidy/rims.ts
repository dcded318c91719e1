// The files that may touch the world, and how. Everything else gets the time, chance, timers and settings through a
// port (Clock, Random, ...) from the file that wires its package.
//
// To add a rim: put one line into RIMS, path first, then what it may touch, in the alphabetical order of the paths.
// Prefer making an existing rim wider to a new one. A line whose file is gone, or no longer needs a right, fails the
// rule, too.

/** What of the world a rim may touch. */
export type World = 'clock' | 'random' | 'timers' | 'env';

/** Path of each rim file with what it may touch. `main.ts` of a package is a rim of everything by itself. */
export const RIMS: Readonly<Record<string, readonly World[]>> = {
  'agent/src/ports/system-clock.ts': ['clock', 'timers'],
  'agent/src/ports/system-random.ts': ['random'],
  'controller/src/ports/clock.ts': ['clock', 'timers'],
  'controller/src/ports/random.ts': ['random'],
  'controller/src/testing/databases.ts': ['env'],
  'controller/src/testing/mosquitto.ts': ['env'],
  'controller/src/testing/scratch-database.ts': ['env'],
  'dashboard/src/rims/clock.ts': ['clock', 'timers'],
  'runtime/src/node/engine.ts': ['env'],
  'runtime/src/testing/eventually.ts': ['clock', 'timers'],
  'start/src/test-world.ts': ['timers'],
};
