/** `cloud`: the provider, its money, its calls, and the intents that it proposed. Never a text. */
import type { Cloud, CloudCall } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { tableOf } from '../table.ts';
import { timeText } from '../units.ts';

const MILLION = 1_000_000;

/** Millionths as units of a currency, with as many digits as calls of a cent's fraction need. */
const money = (micros: number): string => (micros / MILLION).toFixed(4);

const circuitText = ({ circuit, lastFailureCode, opensAt }: NonNullable<Cloud['provider']>): string => {
  if (circuit === 'closed') return 'is asked';
  const until = opensAt === null ? '' : ` until ${timeText(opensAt)}`;
  return `${circuit === 'open' ? `is left alone${until}` : 'is being tried'} after ${lastFailureCode ?? 'failures'}`;
};

const statusLines = ({ days, provider, today }: Cloud): string[] => {
  const daysBefore = days.map(
    ({ calls, day, spentMicros }) => `${day}: ${money(spentMicros)} spent in ${calls} calls`,
  );
  if (provider === null)
    return ['No provider is configured: start the controller with --provider FILE.', ...daysBefore];
  const { budgetMicros, currency, inWork, model, target } = provider;
  const left = Math.max(0, budgetMicros - today.spentMicros - today.reservedMicros);
  return [
    `${model} at ${target} ${circuitText(provider)}; ${inWork} questions in work.`,
    `${today.day}: ${money(today.spentMicros)} of ${money(budgetMicros)} ${currency} spent in ${today.calls} calls, ${money(today.reservedMicros)} reserved, ${money(left)} left.`,
    ...daysBefore,
  ];
};

async function status({ connect, terminal }: Context): Promise<number> {
  const shown = await (await connect()).call('cloud');
  if (terminal.json) terminal.document(shown);
  else for (const line of statusLines(shown)) terminal.line(line);
  return 0;
}

const tokens = ({ inputTokens, isEstimated, outputTokens }: CloudCall): string =>
  inputTokens === null ? '' : `${isEstimated ? '~' : ''}${inputTokens}+${outputTokens ?? 0}`;

async function calls({ connect, flags, terminal }: Context): Promise<number> {
  const limit = Number(flags.text('limit') ?? '20');
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit is a whole number from 1.');
  const device = flags.text('device');
  const query = { limit, ...(device === undefined ? {} : { device }) };
  const { items } = await (await connect()).call('cloudCalls', { query });
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf(terminal, items, {
      columns: [
        { title: 'time', cell: ({ at }) => timeText(at) },
        { title: 'device', cell: ({ device: of }) => of },
        { title: 'decision', cell: ({ decision }) => decision },
        { title: 'try', cell: ({ attempt }) => String(attempt) },
        { title: 'state', cell: ({ code, state }) => code ?? state },
        { title: 'http', cell: ({ status: http }) => (http === null ? '' : String(http)) },
        { title: 'ms', cell: ({ milliseconds }) => (milliseconds === null ? '' : milliseconds.toFixed(0)) },
        { title: 'tokens', cell: tokens },
        { title: 'cost', cell: ({ costMicros, reservedMicros }) => money(costMicros ?? reservedMicros) },
      ],
      empty: 'No provider has been called yet.',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

async function proposals({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('proposals');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf(terminal, items, {
      columns: [
        { title: 'line', cell: ({ line }) => line },
        { title: 'intent', cell: ({ name }) => name },
        { title: 'times', cell: ({ count }) => String(count) },
        { title: 'last', cell: ({ lastAt }) => timeText(lastAt) },
      ],
      empty: 'No provider has proposed an intent yet.',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

/** `cloud status|calls|proposals`. */
export const CLOUD: readonly Command[] = [
  {
    words: ['cloud', 'status'],
    usage: 'cloud status',
    summary: 'The provider, how it fares, and the money of the days',
    arguments: [0, 0],
    run: status,
  },
  {
    words: ['cloud', 'calls'],
    usage: 'cloud calls [--device D] [--limit N]',
    summary: 'Calls of the provider, newest first, without text',
    arguments: [0, 0],
    options: { device: { type: 'string' }, limit: { type: 'string' } },
    run: calls,
  },
  {
    words: ['cloud', 'proposals'],
    usage: 'cloud proposals',
    summary: 'Intents that providers proposed, most frequent first',
    arguments: [0, 0],
    run: proposals,
  },
];
