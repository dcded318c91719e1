// A slice of `pnpm soak crash`: an enrolment whose controller ends after the commit of a device, and before it is told what it is to run. Then records that were counted twice, which must be noticed, or the campaign would prove nothing.
import { hasMosquitto, Mosquitto, scratchServer } from '@nanofleet/controller/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGround } from './controller-grounds.ts';
import { CONTROLLER_HISTORIES } from './controller-histories.ts';
import { siteFaults } from './controller-history.ts';
import { tryController } from './controller-trials.ts';
import { dropGround, type Engine, type Ground, MortalSite } from './mortal-site.ts';

const LONG_MS = 300_000;
const COMMIT = 'update fleet_tokens (uses_left) + insert devices';
const CHOSEN = [`after ${COMMIT} 1`, 'publish publish desired 1'];
const postgres = scratchServer();

describe.runIf(postgres !== null && hasMosquitto())('a controller that ends at a commit or a publish', () => {
  let engine: Engine;
  let ground: Ground;

  beforeAll(async () => {
    engine = { postgres: postgres ?? '', broker: await Mosquitto.start() };
    ground = await makeGround('controller', engine);
  }, LONG_MS);

  afterAll(async () => {
    await dropGround(ground);
    await engine.broker.close();
  });

  it(
    'has enrolled each device once, and goes on',
    async () => {
      const enrolment = CONTROLLER_HISTORIES.find(({ name }) => name === 'controller enrolment');
      expect(enrolment).toBeDefined();
      if (enrolment === undefined) return;
      const { failures, missed, trials } = await tryController(
        enrolment,
        { engines: [engine], ground },
        {
          idle: new Set(),
          isChosen: ({ fault, name, nth }) => CHOSEN.includes(`${fault} ${name} ${nth}`),
          tried: () => undefined,
        },
      );
      expect(failures).toEqual([]);
      expect(missed).toEqual([]);
      expect(trials).toBe(CHOSEN.length);
    },
    LONG_MS,
  );

  it(
    'would be found out if it counted a record twice',
    async () => {
      const site = await MortalSite.of(engine, ground);
      try {
        expect(await siteFaults(site)).toEqual([]);
        await site.database.query("insert into tallies (name, value) values ('event:decision', 1)");
        expect(await siteFaults(site)).toEqual(['0 events, 1 tallied']);
      } finally {
        await site.close();
      }
    },
    LONG_MS,
  );
});
