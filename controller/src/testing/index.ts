/** Real engines for tests and benchmarks wider than this package; nothing that ships imports it. */
export { hasMosquitto, Mosquitto } from './mosquitto.ts';
export { makeScratchDatabase, type ScratchDatabase, scratchServer } from './scratch-database.ts';
export { type Enrolment, enrolDevice, TestDevice } from './test-device.ts';
