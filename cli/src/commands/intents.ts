/** `intents`: the labels of a line, giving it new ones, and taking back what no bundle has. */
import type { LabelList } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { tableOf } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { timeText } from '../units.ts';

/** The line that a command is about; `intent` is the one of texts. */
const lineOf = ({ flags }: Context): string => flags.text('line') ?? 'intent';

function show(terminal: Terminal, { labels, line, version }: LabelList, wantsAll: boolean): void {
  const added = labels.filter(({ addedAt }) => addedAt !== null);
  const lines = tableOf(terminal, wantsAll ? labels : added, {
    columns: [
      { title: 'intent', cell: ({ name }) => name },
      { title: 'added', cell: ({ addedAt }) => (addedAt === null ? 'with the bundle' : timeText(addedAt)) },
      { title: 'by', cell: ({ addedBy }) => addedBy ?? '' },
    ],
    empty: `No intent waits for a round. Next: nanofleet intents add NAME --line ${line}`,
  });
  for (const text of lines) terminal.line(text);
  terminal.note(
    `${line} has ${labels.length - added.length} intents in its bundle and ${added.length} that wait for a round; list version ${version}.`,
  );
}

async function list(context: Context): Promise<number> {
  const { connect, flags, terminal } = context;
  const found = await (await connect()).call('intents', { params: { line: lineOf(context) } });
  if (terminal.json) terminal.document(found);
  else show(terminal, found, flags.isOn('all'));
  return 0;
}

async function add(context: Context): Promise<number> {
  const { args, connect, terminal } = context;
  const [name = ''] = args;
  if (name === '') throw new UsageError('Give the name of the new intent.');
  const line = lineOf(context);
  const found = await (await connect()).call('addIntent', { params: { line }, body: { name } });
  if (terminal.json) terminal.document(found);
  else {
    terminal.line(
      `${line} has the intent ${name} from list version ${found.version} on: devices may label with it.`,
    );
    terminal.note(`Next: label decisions with it, then nanofleet rounds start --line ${line}`);
  }
  return 0;
}

async function remove(context: Context): Promise<number> {
  const { args, connect, terminal } = context;
  const [name = ''] = args;
  const line = lineOf(context);
  const found = await (await connect()).call('dropIntent', { params: { line, name } });
  if (terminal.json) terminal.document(found);
  else terminal.line(`${line} has no intent ${name} any more.`);
  return 0;
}

const LINE = { line: { type: 'string' } } as const;

/** `intents ls|add|rm`. */
export const INTENTS: readonly Command[] = [
  {
    words: ['intents', 'ls'],
    usage: 'intents ls [--line L] [--all]',
    summary: 'Intents that wait for a round, or all',
    arguments: [0, 0],
    options: { ...LINE, all: { type: 'boolean' } },
    run: list,
  },
  {
    words: ['intents', 'add'],
    usage: 'intents add NAME --line L',
    summary: 'Give a line a new intent, which devices may then use',
    arguments: [1, 1],
    options: LINE,
    run: add,
  },
  {
    words: ['intents', 'rm'],
    usage: 'intents rm NAME --line L',
    summary: 'Take an intent back that no bundle has',
    arguments: [1, 1],
    options: LINE,
    run: remove,
  },
];
