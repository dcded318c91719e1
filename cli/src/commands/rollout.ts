/** `rollout`: bundles to devices, at once or in waves; how far one has come, and what an operator may tell it. */
import type { ApiAnswer, Rollout, RolloutOrder } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { followRollout, rolloutExitCode, rolloutText } from '../follow.ts';
import { forecastLines } from '../forecast-text.ts';
import { PLAN_OPTIONS, PLAN_USAGE, planOf } from '../rollout-plan.ts';
import { courseLines } from '../rollout-text.ts';
import { tableOf } from '../table.ts';
import { TARGET_OPTIONS, TARGET_USAGE, targetOf } from '../target.ts';
import { bytesText, shortDigest, timeText } from '../units.ts';
import { digestOf } from './models.ts';

async function status({ args, flags, connect, terminal, world }: Context): Promise<number> {
  const client = await connect();
  const found = await client.call('rollout', { params: { id: args[0] ?? '' } });
  const rollout = flags.isOn('watch')
    ? await followRollout({ client, terminal, world, rollout: found })
    : found;
  if (terminal.json) terminal.document(rollout);
  else {
    terminal.line(rolloutText(terminal, rollout));
    for (const line of courseLines(terminal, rollout)) terminal.line(line);
    const lines = tableOf(terminal, rollout.devices, {
      columns: [
        { title: 'device', cell: ({ device }) => device },
        { title: 'wave', cell: ({ wave }) => (wave === undefined ? '' : wave + 1) },
        { title: 'state', cell: ({ state }) => state },
        { title: 'why', cell: ({ code, message }) => (code === undefined ? '' : `${code} ${message ?? ''}`) },
      ],
      empty: 'It is meant for no device.',
    });
    for (const line of lines) terminal.line(line);
  }
  return flags.isOn('watch') ? rolloutExitCode(rollout) : 0;
}

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('rollouts');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf(terminal, items, {
      columns: [
        { title: 'line', cell: ({ line }) => line },
        { title: 'version', cell: ({ version }) => version },
        { title: 'status', cell: ({ course, status: state }) => course?.phase ?? state },
        { title: 'running', cell: ({ counts }) => `${counts.running}/${counts.total}` },
        { title: 'refused', cell: ({ counts }) => counts.refused },
        { title: 'made', cell: ({ createdAt }) => timeText(createdAt) },
        { title: 'digest', cell: ({ digest }) => shortDigest(digest) },
        { title: 'id', cell: ({ id }) => id },
      ],
      empty: 'There is no rollout. Next: nanofleet models push DIR --all',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

async function push(context: Context): Promise<number> {
  const { args, flags, connect, terminal, world } = context;
  const target = targetOf(context);
  if (target === undefined) throw new UsageError(`Say for whom: ${TARGET_USAGE}.`);
  const plan = await planOf(context);
  const client = await connect();
  const digest = await digestOf(client, args[0] ?? '');
  const body = { digest, target, ...(plan === undefined ? {} : { plan }) };
  const made = await client.call('makeRollout', { body });
  if (flags.isOn('watch'))
    return shown(context, await followRollout({ client, terminal, world, rollout: made }));
  if (terminal.json) terminal.document(made);
  else terminal.line(rolloutText(terminal, made));
  terminal.note(`Next: nanofleet rollout watch ${made.id}`);
  return 0;
}

function shown({ terminal }: Context, rollout: Rollout): number {
  if (terminal.json) terminal.document(rollout);
  else
    for (const line of [rolloutText(terminal, rollout), ...courseLines(terminal, rollout)])
      terminal.line(line);
  return rolloutExitCode(rollout);
}

async function watch(context: Context): Promise<number> {
  const { args, connect, terminal, world } = context;
  const client = await connect();
  const found = await client.call('rollout', { params: { id: args[0] ?? '' } });
  return shown(context, await followRollout({ client, terminal, world, rollout: found }));
}

const orderedBy =
  (order: RolloutOrder) =>
  async ({ args, connect, terminal }: Context): Promise<number> => {
    const rollout = await (await connect()).call('orderRollout', {
      params: { id: args[0] ?? '' },
      body: { order },
    });
    if (terminal.json) terminal.document(rollout);
    else terminal.line(`${rollout.line} ${rollout.version}: ${rollout.course?.phase ?? rollout.status}`);
    return 0;
  };

async function plan(context: Context): Promise<number> {
  if (context.flags.isOn('dry-run')) return forecast(context);
  const target = targetOf(context);
  if (context.args[0] !== undefined || target !== undefined)
    throw new UsageError('A bundle and devices go with --dry-run.');
  const stated = await planOf(context);
  if (stated === undefined) throw new UsageError('Give --waves or --plan.');
  context.terminal.document(stated);
  return 0;
}

/** What it would do, and nothing of it. */
async function forecast(context: Context): Promise<number> {
  const { args, connect, terminal } = context;
  const target = targetOf(context);
  if (target === undefined || args[0] === undefined)
    throw new UsageError(`Say what and for whom: rollout plan DIGEST ${TARGET_USAGE} --waves … --dry-run.`);
  const stated = await planOf(context);
  const client = await connect();
  const digest = await digestOf(client, args[0]);
  const body = { digest, target, ...(stated === undefined ? {} : { plan: stated }) };
  const found = await client.call('forecastRollout', { body });
  if (terminal.json) terminal.document(found);
  else for (const line of forecastLines(found)) terminal.line(line);
  return 0;
}

async function history({ args, connect, terminal }: Context): Promise<number> {
  const client = await connect();
  const kinds = ['rollout-made', 'rollout-phase', 'rollout-wave'] as const;
  const pages = await Promise.all(
    kinds.map((kind) => client.call('timeline', { query: { kind, limit: 500 } })),
  );
  const items = pages
    .flatMap(({ items: page }) => page)
    .filter(({ subject }) => args[0] === undefined || subject === args[0])
    .sort((left, right) => left.position - right.position);
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf(terminal, items, {
      columns: [
        { title: 'when', cell: ({ at }) => timeText(at) },
        { title: 'line', cell: ({ line }) => line ?? '' },
        { title: 'what', cell: ({ detail }) => detail ?? '' },
        { title: 'code', cell: ({ code }) => code ?? '' },
        { title: 'id', cell: ({ subject }) => subject ?? '' },
      ],
      empty: 'Nothing is known of rollouts.',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

async function diff({ args, connect, terminal }: Context): Promise<number> {
  const client = await connect();
  const [one, other] = await Promise.all(
    [args[0] ?? '', args[1] ?? ''].map(async (name) =>
      client.call('model', { params: { digest: await digestOf(client, name) } }),
    ),
  );
  if (one === undefined || other === undefined) throw new UsageError('Give two bundles.');
  const rows = [
    { what: 'version', one: one.version, other: other.version },
    { what: 'release', one: `${one.releaseCounter}`, other: `${other.releaseCounter}` },
    { what: 'task', one: one.task, other: other.task },
    { what: 'size', one: bytesText(one.bytes), other: bytesText(other.bytes) },
    { what: 'signed by', one: shortDigest(one.keyId), other: shortDigest(other.keyId) },
    { what: 'made from', one: parentText(one), other: parentText(other) },
    { what: 'quality', one: JSON.stringify(one.quality), other: JSON.stringify(other.quality) },
  ];
  const differing = rows.filter((row) => row.one !== row.other);
  if (terminal.json) terminal.document(differing);
  else {
    const lines = tableOf(terminal, differing, {
      columns: [
        { title: '', cell: ({ what }) => what },
        { title: shortDigest(one.digest), cell: ({ one: value }) => value },
        { title: shortDigest(other.digest), cell: ({ other: value }) => value },
      ],
      empty: 'They state the same.',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

const parentText = ({ lineage }: ApiAnswer<'model'>): string => shortDigest(lineage[0]?.digest ?? '–');

const ORDERS: readonly { order: RolloutOrder; summary: string }[] = [
  { order: 'approve', summary: 'Let it begin, or go into the wave that waits for approval' },
  { order: 'pause', summary: 'Give the bundle to nobody more until it is resumed' },
  { order: 'resume', summary: 'Go on, whatever stopped it; devices that failed are asked again' },
  { order: 'abort', summary: 'End it; devices keep what they have' },
  { order: 'roll-back', summary: 'End it; devices that have the bundle go back to what they had' },
];

/** `rollout push|plan|watch|status|ls|history|diff|approve|pause|resume|abort|roll-back`. */
export const ROLLOUTS: readonly Command[] = [
  {
    words: ['rollout', 'status'],
    usage: 'rollout status ID [--watch]',
    summary: 'One rollout with each device',
    arguments: [1, 1],
    options: { watch: { type: 'boolean' } },
    run: status,
  },
  {
    words: ['rollout', 'ls'],
    usage: 'rollout ls',
    summary: 'Rollouts, newest first',
    arguments: [0, 0],
    run: list,
  },
  {
    words: ['rollout', 'push'],
    usage: `rollout push DIGEST ${TARGET_USAGE} ${PLAN_USAGE} [--watch]`,
    summary: 'A bundle of the registry to devices, at once or in waves',
    arguments: [1, 1],
    options: { ...TARGET_OPTIONS, ...PLAN_OPTIONS, watch: { type: 'boolean' } },
    run: push,
  },
  {
    words: ['rollout', 'plan'],
    usage: `rollout plan ${PLAN_USAGE} [--dry-run DIGEST ${TARGET_USAGE}]`,
    summary: 'The whole plan as JSON, with all that was left out; with --dry-run what it would do',
    arguments: [0, 1],
    options: { ...TARGET_OPTIONS, ...PLAN_OPTIONS, 'dry-run': { type: 'boolean' } },
    run: plan,
  },
  {
    words: ['rollout', 'watch'],
    usage: 'rollout watch ID',
    summary: 'Follow one until it ends or waits for you',
    arguments: [1, 1],
    run: watch,
  },
  {
    words: ['rollout', 'history'],
    usage: 'rollout history [ID]',
    summary: 'What happened to rollouts, oldest first',
    arguments: [0, 1],
    run: history,
  },
  {
    words: ['rollout', 'diff'],
    usage: 'rollout diff DIGEST DIGEST',
    summary: 'What two bundles state differently',
    arguments: [2, 2],
    run: diff,
  },
  ...ORDERS.map(({ order, summary }) => ({
    words: ['rollout', order],
    usage: `rollout ${order} ID`,
    summary,
    arguments: [1, 1] as const,
    run: orderedBy(order),
  })),
];
