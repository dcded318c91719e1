/** The controller as tests and the simulator use it: start one, with their own ports. */
export { type ControllerPorts, type RunningController, startController } from './controller.ts';
export { type OpenDatabase, openDatabase } from './db/open-database.ts';
export { systemClock } from './ports/clock.ts';
export { jsonLog } from './ports/log.ts';
export { systemRandom } from './ports/random.ts';
export type { Certificate, Settings } from './ports/settings.ts';
