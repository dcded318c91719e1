/** Runs groups of tests against one controller per kind of database. Only tests import this. */
import { afterAll, beforeAll, describe } from 'vitest';
import type { ControllerPorts } from '../controller.ts';
import { databaseKinds } from './databases.ts';
import { hasMosquitto } from './mosquitto.ts';
import { type EngineKind, TestController } from './test-controller.ts';

/** Gives the controller of the tests that run now. */
export type GetController = () => TestController;

/** A group of tests of one controller on engines of a kind. */
type Group = (controller: GetController, kind: EngineKind) => void;

/** Describes `title` on each database; the groups share one controller, in their order. */
export const onEachDatabase = (
  title: string,
  groups: readonly Group[],
  given: Partial<ControllerPorts> = {},
): void => {
  describe.each(databaseKinds())(`${title} (%s)`, (kind) => {
    on(kind, groups, given);
  });
};

/** The same, and once more on PostgreSQL with mosquitto instead of the embedded broker, where both are here. */
export const onEachEngine = (
  title: string,
  groups: readonly Group[],
  given: Partial<ControllerPorts> = {},
): void => {
  onEachDatabase(title, groups, given);
  describe.runIf(hasRealEngines())(`${title} (mosquitto)`, () => {
    on('mosquitto', groups, given);
  });
};

/** Whether PostgreSQL and mosquitto are here. */
export const hasRealEngines = (): boolean => databaseKinds().includes('postgres') && hasMosquitto();

const on = (kind: EngineKind, groups: readonly Group[], given: Partial<ControllerPorts>): void => {
  let controller: TestController;
  beforeAll(async () => {
    controller = await TestController.start(kind, given);
  });
  afterAll(() => controller.close());
  for (const group of groups) group(() => controller, kind);
};
