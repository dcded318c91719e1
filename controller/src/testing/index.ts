/** Real engines, doubles and fixtures for tests and benchmarks wider than this package; nothing that ships imports it. */
export type { CloudAnswer, CloudQuestion } from '../cloud/cloud.service.ts';
export type { ProviderSettings } from '../cloud/provider-settings.ts';
export { controllerUserOf } from '../link/certificate-names.ts';
export { ServedBlobs } from '../models/served-blobs.ts';
export { Authority } from '../state/authority.ts';
export { databaseKinds } from './databases.ts';
export { TEST_CACHE } from './migrated-cluster.ts';
export { type CertificateSetUp, freePort, hasMosquitto, Mosquitto } from './mosquitto.ts';
export { PostgresServer } from './postgres-server.ts';
export { RoundFleet } from './round-fleet.ts';
export { makeScratchDatabase, type ScratchDatabase, scratchServer } from './scratch-database.ts';
export { makeTestBundle, publishBundle, type TestBundle } from './test-bundle.ts';
export { openTestCloud, type TestCloud } from './test-cloud.ts';
export { TestController } from './test-controller.ts';
export { type Enrolment, enrolDevice, TestDevice } from './test-device.ts';
