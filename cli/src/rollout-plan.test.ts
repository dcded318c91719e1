import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Context, readArguments, UsageError } from './command.ts';
import { PLAN_OPTIONS, planOf } from './rollout-plan.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-plan-'));
});
afterAll(() => rm(directory, { recursive: true }));

const plan = (...argv: string[]) => {
  const command = {
    words: [],
    usage: 'plan',
    summary: '',
    arguments: [0, 0] as const,
    options: PLAN_OPTIONS,
  };
  const { flags } = readArguments({ ...command, run: () => Promise.resolve(0) }, argv);
  return planOf({ flags } as Context);
};

describe('the plan on a command line', () => {
  it('is none for a rollout to everybody at once', async () => {
    expect(await plan()).toBeUndefined();
  });

  it('takes shares, numbers and names as waves, with what goes with each', async () => {
    const stated = await plan('--waves', '@kitchen+cellar,50,12.5%,100%', '--hold', '2h');
    expect(stated?.waves).toEqual([
      { devices: ['kitchen', 'cellar'], holdS: 7_200 },
      { count: 50, holdS: 7_200 },
      { percent: 12.5, holdS: 7_200 },
      { percent: 100, holdS: 7_200 },
    ]);
  });

  it('fills in what was left out, and keeps what was said', async () => {
    expect(await plan('--waves', '1')).toMatchObject({
      approval: false,
      onStop: 'roll-back',
      deviceS: 3_600,
    });
    const stated = await plan(
      ...['--waves', '1', '--gate', '--approve', '--rate', '30', '--on-stop', 'pause'],
      ...['--at', '2026-12-24T02:00Z'],
    );
    expect(stated).toMatchObject({
      approval: true,
      gate: { falseStop: 0.01, decisions: 200 },
      onStop: 'pause',
      rate: { perMinute: 30 },
      startAt: Date.UTC(2026, 11, 24, 2),
    });
  });

  it('comes whole out of a file', async () => {
    const path = join(directory, 'plan.json');
    await writeFile(path, JSON.stringify({ waves: [{ count: 2 }], priority: 7 }));
    expect(await plan('--plan', path)).toMatchObject({ waves: [{ count: 2 }], priority: 7, retries: 1 });
  });

  it.each([
    ['a wave that is none', ['--waves', 'many'], 'many'],
    ['a share beyond all', ['--waves', '900%'], 'percent'],
    ['a hold without a unit', ['--waves', '1', '--hold', '90'], '--hold'],
    ['a time that is none', ['--waves', '1', '--at', 'soon'], '--at'],
    ['a rate that is none', ['--waves', '1', '--rate', 'fast'], 'rate'],
    ['two plans', ['--waves', '1', '--plan', 'x.json'], 'not both'],
    ['what goes with waves alone', ['--gate'], '--gate goes with --waves'],
    ['a file that is not there', ['--plan', '/nowhere/plan.json'], '/nowhere/plan.json'],
  ])('refuses %s, and names it', async (_what, argv, named) => {
    const refused = plan(...argv);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    await expect(refused).rejects.toThrow(named);
  });

  it('refuses a file that is no plan', async () => {
    const path = join(directory, 'torn.json');
    await writeFile(path, '{"waves": [');
    await expect(plan('--plan', path)).rejects.toThrow('no JSON');
    await writeFile(path, '{"waves": []}');
    await expect(plan('--plan', path)).rejects.toThrow('The plan is not one');
  });
});
