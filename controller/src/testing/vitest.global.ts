// Runs once, before the first test file of a run.
import { makeMigratedCluster } from './migrated-cluster.ts';

export const setup = (): Promise<void> => makeMigratedCluster();
