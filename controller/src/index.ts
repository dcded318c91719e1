/** The controller as tests and the simulator use it: start one, with their own ports. */

export { type Ground } from './app.module.ts';
export { operate as operateController } from './backup/operate.ts';
export { type ControllerPorts, type RunningController, startController } from './controller.ts';
export { type Core, openCore } from './core.ts';
export { MemoryPglite } from './db/memory-pglite.ts';
export { type OpenDatabase, openDatabase, openOver, type PgliteConnection } from './db/open-database.ts';
export { type Gate } from './link/broker.ts';
export { type BrokerRights } from './link/broker-rights.ts';
export { type LinkAccess } from './link/link.ts';
export { BlobStore } from './models/blob-store.ts';
export { systemClock } from './ports/clock.ts';
export { type LoadModel, loadModel } from './ports/load-model.ts';
export { jsonLog } from './ports/log.ts';
export { systemRandom } from './ports/random.ts';
export type { Certificate, Settings } from './ports/settings.ts';
export { judged } from './rollouts/quality-gate.plan.ts';
export { type Counts, NO_COUNTS, type Tally } from './rollouts/tally.plan.ts';
export { Identity as ControllerIdentity } from './state/identity.ts';
