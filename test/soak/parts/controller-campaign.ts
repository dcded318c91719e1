// All stories of a controller, or some, on the engines of this machine: brings up what they need, and gives what came of each.
import { hasMosquitto, Mosquitto, PostgresServer, scratchServer } from '@nanofleet/controller/testing';
import { assert } from '@nanofleet/protocol';
import { makeGround } from './controller-grounds.ts';
import type { ControllerHistory, GroundName } from './controller-history.ts';
import {
  type ControllerResult,
  type ControllerTrialOptions,
  idleNames,
  tryController,
} from './controller-trials.ts';
import { dropGround, type Engine, type Ground } from './mortal-site.ts';

/** Why the stories cannot be played here; null when they can. */
export const missingEngine = (): string | null => {
  if (!hasMosquitto()) return 'no mosquitto is installed';
  if (scratchServer() !== null || PostgresServer.isInstalled) return null;
  return 'no PostgreSQL is installed, and NANOFLEET_TEST_DATABASE_URL names none';
};

/** What is told of each story and each trial. */
export interface CampaignEars extends Pick<ControllerTrialOptions, 'tried'> {
  readonly told: (result: ControllerResult) => void;
}

/**
 * Plays stories one after the other.
 * @param options.every each so many-th point, 1 for all
 * @param options.lanes trials at once: they mostly wait for processes that start
 */
export const playControllers = async (
  histories: readonly ControllerHistory[],
  { every, lanes, told, tried }: CampaignEars & { readonly every: number; readonly lanes: number },
): Promise<void> => {
  const server = scratchServer() === null ? await PostgresServer.start() : null;
  const postgres = server?.url ?? scratchServer() ?? '';
  const brokers = await Promise.all(Array.from({ length: lanes }, () => Mosquitto.start()));
  const engines: Engine[] = brokers.map((broker) => ({ postgres, broker }));
  const [engine] = engines;
  assert(engine !== undefined, 'there is a lane');
  const grounds = new Map<GroundName, Ground>();
  const groundOf = async (name: GroundName): Promise<Ground> => {
    const ground = grounds.get(name) ?? (await makeGround(name, engine));
    grounds.set(name, ground);
    return ground;
  };
  try {
    const idle = await idleNames(engine, await groundOf('homes'));
    for (const history of histories) {
      const on = { engines, ground: await groundOf(history.ground) };
      told(await tryController(history, on, { idle, isChosen: (_, at) => at % every === 0, tried }));
    }
  } finally {
    for (const ground of grounds.values()) await dropGround(ground);
    for (const broker of brokers) await broker.close();
    server?.stop();
  }
};
