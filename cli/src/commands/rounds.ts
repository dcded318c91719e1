/** `rounds`: letting the devices of a line learn together, how that went, and the examples that judge it. */
import type { Examples, Round, RoundDetail } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { followRound, roundLines, shareAfter, statusText } from '../follow-round.ts';
import { readLabelledFile } from '../labelled-file.ts';
import { tableOf } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { secondsOf, shortDigest, timeText } from '../units.ts';

/** Options with a number, and the setting that each one is. */
const NUMBERS = {
  quorum: 'updatesMin',
  updates: 'updatesMax',
  'over-selection': 'overSelection',
  'examples-min': 'examplesMin',
  'examples-max': 'examplesMax',
  steps: 'steps',
  'learning-rate': 'learningRate',
  batch: 'batch',
  rehearsal: 'rehearsal',
  pull: 'pull',
  clip: 'clipNorm',
  'server-learning-rate': 'serverLearningRate',
} as const;

const ROUNDS_MAX = 100;

const lineOf = ({ flags }: Context): string => flags.text('line') ?? 'intent';

function numberOf(context: Context, name: string): number | undefined {
  const text = context.flags.text(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new UsageError(`--${name} takes a number, not ${text}.`);
  return value;
}

function settingsOf(context: Context): Record<string, number | string> {
  const settings: Record<string, number | string> = {};
  for (const [option, setting] of Object.entries(NUMBERS)) {
    const value = numberOf(context, option);
    if (value !== undefined) settings[setting] = value;
  }
  const group = context.flags.text('group');
  if (group !== undefined) settings['group'] = group;
  const deadline = context.flags.text('deadline');
  if (deadline === undefined) return settings;
  const deadlineS = secondsOf(deadline);
  if (deadlineS === undefined) throw new UsageError(`--deadline takes 90s, 5m or 2h, not ${deadline}.`);
  return { ...settings, deadlineS };
}

async function start(context: Context): Promise<number> {
  const { connect, flags, terminal, world } = context;
  const times = numberOf(context, 'times') ?? 1;
  if (!Number.isInteger(times) || times < 1 || times > ROUNDS_MAX)
    throw new UsageError(`--times takes 1 to ${ROUNDS_MAX}.`);
  if (times > 1 && flags.isOn('detach'))
    throw new UsageError('--times waits for each round; leave out --detach.');
  const client = await connect();
  const base = flags.text('base');
  const body = {
    line: lineOf(context),
    settings: settingsOf(context),
    ...(base === undefined ? {} : { base }),
  };
  for (let turn = 1; ; turn += 1) {
    const { id } = await client.call('startRound', { body });
    if (flags.isOn('detach')) return detached(terminal, id);
    const round = await followRound({ client, terminal, world, id });
    if (turn < times && round.status === 'candidate') continue;
    return ended(terminal, round);
  }
}

function detached(terminal: Terminal, id: string): number {
  if (terminal.json) terminal.document({ id });
  else terminal.line(id);
  terminal.note(`Next: nanofleet rounds status ${id} --watch`);
  return 0;
}

function ended(terminal: Terminal, round: RoundDetail): number {
  if (terminal.json) terminal.document(round);
  else for (const text of roundLines(terminal, round)) terminal.line(text);
  if (round.candidate !== null)
    terminal.note(`Next: nanofleet models sign ${shortDigest(round.candidate)} --data FILE`);
  return round.status === 'candidate' ? 0 : 1;
}

async function status({ args, connect, flags, terminal, world }: Context): Promise<number> {
  const client = await connect();
  const id = args[0] ?? (await client.call('rounds', { query: { limit: 1 } })).items[0]?.id;
  if (id === undefined) {
    terminal.note('There is no round. Next: nanofleet rounds start --line LINE');
    if (terminal.json) terminal.document(null);
    return 0;
  }
  const round = flags.isOn('watch')
    ? await followRound({ client, terminal, world, id })
    : await client.call('round', { params: { id } });
  const code = ended(terminal, round);
  return flags.isOn('watch') ? code : 0;
}

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('rounds');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf<Round>(terminal, items, {
      columns: [
        { title: 'line', cell: ({ line }) => line },
        { title: 'base', cell: ({ baseVersion }) => baseVersion },
        { title: 'turn', cell: ({ turn }) => turn },
        { title: 'status', cell: (round) => statusText(terminal, round) },
        { title: 'updates', cell: ({ counts }) => `${counts.updates}/${counts.asked}` },
        { title: 'old', cell: (round) => shareAfter(round, 'old') },
        { title: 'new', cell: (round) => shareAfter(round, 'added') },
        { title: 'started', cell: ({ createdAt }) => timeText(createdAt) },
        { title: 'candidate', cell: ({ candidate }) => (candidate === null ? '' : shortDigest(candidate)) },
        { title: 'id', cell: ({ id }) => id },
      ],
      empty: 'There is no round. Next: nanofleet rounds start --line LINE',
    });
    for (const text of lines) terminal.line(text);
  }
  return 0;
}

async function abort({ args, connect, terminal }: Context): Promise<number> {
  const round = await (await connect()).call('abortRound', { params: { id: args[0] ?? '' } });
  if (terminal.json) terminal.document(round);
  else terminal.line(`Round ${round.id} is ${round.status}.`);
  return 0;
}

function showExamples(terminal: Terminal, found: Examples): void {
  if (terminal.json) {
    terminal.document(found);
    return;
  }
  terminal.line(
    `${found.line}: ${found.total} examples of ${found.labels} intents, ${found.outOfScope} of them out of scope; ${found.evaluation} judge, ${found.calibration} calibrate.`,
  );
}

async function putExamples(context: Context): Promise<number> {
  const { args, connect, terminal } = context;
  const examples = await readLabelledFile(args[0] ?? '');
  const params = { line: lineOf(context) };
  showExamples(terminal, await (await connect()).call('putExamples', { params, body: { examples } }));
  return 0;
}

async function examples(context: Context): Promise<number> {
  const params = { line: lineOf(context) };
  showExamples(context.terminal, await (await context.connect()).call('examples', { params }));
  return 0;
}

const LINE = { line: { type: 'string' } } as const;
const NUMBER_OPTIONS = Object.fromEntries(
  [...Object.keys(NUMBERS), 'times'].map((name) => [name, { type: 'string' as const }]),
);

/** `rounds start|status|ls|abort|examples`. */
export const ROUNDS: readonly Command[] = [
  {
    words: ['rounds', 'start'],
    usage:
      'rounds start --line L [--times N] [--group G] [--quorum N] [--updates N] [--deadline 2m] [--steps N] [--detach]',
    summary: 'Let devices learn together; waits for the candidate',
    arguments: [0, 0],
    options: {
      ...LINE,
      ...NUMBER_OPTIONS,
      base: { type: 'string' },
      group: { type: 'string' },
      deadline: { type: 'string' },
      detach: { type: 'boolean' },
    },
    run: start,
  },
  {
    words: ['rounds', 'status'],
    usage: 'rounds status [ID] [--watch]',
    summary: 'One round, the newest by itself',
    arguments: [0, 1],
    options: { watch: { type: 'boolean' } },
    run: status,
  },
  {
    words: ['rounds', 'ls'],
    usage: 'rounds ls',
    summary: 'Rounds, newest first',
    arguments: [0, 0],
    run: list,
  },
  {
    words: ['rounds', 'abort'],
    usage: 'rounds abort ID',
    summary: 'End a round without a candidate',
    arguments: [1, 1],
    run: abort,
  },
  {
    words: ['rounds', 'examples', 'put'],
    usage: 'rounds examples put FILE --line L',
    summary: 'Replace the examples that judge rounds: {"text", "intent"} a line, intent oos for none',
    arguments: [1, 1],
    options: LINE,
    run: putExamples,
  },
  {
    words: ['rounds', 'examples'],
    usage: 'rounds examples --line L',
    summary: 'How many examples judge rounds',
    arguments: [0, 0],
    options: LINE,
    run: examples,
  },
];
