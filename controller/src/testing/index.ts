/** Real engines for tests and benchmarks wider than this package; nothing that ships imports it. */
export { hasMosquitto, Mosquitto } from './mosquitto.ts';
export { makeScratchDatabase, type ScratchDatabase, scratchServer } from './scratch-database.ts';
