/**
 * The plan of a rollout as the command line states it: `--waves 1%,10%,100%` and what goes with them, or a whole plan in a
 * file. Never talks to a controller.
 */
import { readFile } from 'node:fs/promises';
import { type RolloutPlan, rolloutPlanSchema } from '@nanofleet/protocol';
import { z } from 'zod';
import { type Context, UsageError } from './command.ts';
import { secondsOf } from './units.ts';

/** Options of every command that begins a rollout. */
export const PLAN_OPTIONS = {
  waves: { type: 'string' },
  hold: { type: 'string' },
  approve: { type: 'boolean' },
  gate: { type: 'boolean' },
  rate: { type: 'string' },
  at: { type: 'string' },
  'on-stop': { type: 'string' },
  plan: { type: 'string' },
} as const;

/** What follows the name of such a command. */
export const PLAN_USAGE =
  '[--waves 1%,10%,100% [--hold 1h] [--gate] [--approve] [--rate N] [--at TIME] [--on-stop pause] | --plan FILE]';

const waveOf = (text: string, holdS: number | undefined): object => {
  const hold = holdS === undefined ? {} : { holdS };
  const share = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text);
  if (share !== null) return { percent: Number(share[1]), ...hold };
  if (/^\d{1,7}$/.test(text)) return { count: Number(text), ...hold };
  if (text.startsWith('@')) return { devices: text.slice(1).split('+'), ...hold };
  throw new UsageError(
    `--waves takes shares, numbers and @devices, as in 1%,50 or @kitchen+cellar,100%; not ${text}.`,
  );
};

const durationOf = (context: Context, name: string): number | undefined => {
  const text = context.flags.text(name);
  if (text === undefined) return undefined;
  const seconds = secondsOf(text);
  if (seconds === undefined) throw new UsageError(`--${name} takes 90s, 5m or 2h, not ${text}.`);
  return seconds;
};

const timeOf = (text: string): number => {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new UsageError(`--at takes a time like 2026-12-24T02:00Z, not ${text}.`);
  return at;
};

const stated = (context: Context, waves: string): object => {
  const { flags } = context;
  const holdS = durationOf(context, 'hold');
  const rate = flags.text('rate');
  const at = flags.text('at');
  const onStop = flags.text('on-stop');
  return {
    waves: waves.split(',').map((wave) => waveOf(wave, holdS)),
    approval: flags.isOn('approve'),
    ...(flags.isOn('gate') ? { gate: {} } : {}),
    ...(rate === undefined ? {} : { rate: { perMinute: Number(rate) } }),
    ...(at === undefined ? {} : { startAt: timeOf(at) }),
    ...(onStop === undefined ? {} : { onStop }),
  };
};

const filed = async (path: string): Promise<unknown> => {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`${path} cannot be read: ${String(cause)}`);
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${path} is no JSON: ${String(cause)}`);
  }
};

/** The plan; undefined for a rollout to everybody at once. @throws UsageError */
export async function planOf(context: Context): Promise<RolloutPlan | undefined> {
  const waves = context.flags.text('waves');
  const path = context.flags.text('plan');
  if (waves !== undefined && path !== undefined) throw new UsageError('Give --waves or --plan, not both.');
  if (waves === undefined && path === undefined) {
    const lone = Object.keys(PLAN_OPTIONS).find(
      (name) => context.flags.isOn(name) || context.flags.text(name) !== undefined,
    );
    if (lone !== undefined) throw new UsageError(`--${lone} goes with --waves.`);
    return undefined;
  }
  const parsed = rolloutPlanSchema.safeParse(
    waves === undefined ? await filed(path ?? '') : stated(context, waves),
  );
  if (parsed.success) return parsed.data;
  throw new UsageError(`The plan is not one: ${z.prettifyError(parsed.error)}`);
}
