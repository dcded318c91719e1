/** `tokens`: operator tokens with a name and a role. A secret is printed once, when it is made, and never again. */
import { ROLES, roleSchema } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { writePrivately } from '../profile.ts';
import { tableOf } from '../table.ts';
import { timeText } from '../units.ts';

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('operatorTokens');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf(terminal, items, {
      columns: [
        { title: 'name', cell: ({ name }) => name },
        { title: 'role', cell: ({ role }) => role },
        { title: 'made', cell: ({ createdAt }) => timeText(createdAt) },
        { title: 'last used', cell: ({ lastUsedAt }) => timeText(lastUsedAt) },
        { title: 'id', cell: ({ id }) => id },
      ],
      empty: 'There is no operator token.',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

async function make({ args, flags, connect, terminal }: Context): Promise<number> {
  const role = roleSchema.safeParse(flags.text('role'));
  if (!role.success) throw new UsageError(`Give --role, one of ${ROLES.join(', ')}.`);
  const made = await (await connect()).call('makeOperatorToken', {
    body: { name: args[0] ?? '', role: role.data },
  });
  const out = flags.text('out');
  if (out !== undefined) await writePrivately(out, `${made.token}\n`);
  if (terminal.json) terminal.document(out === undefined ? made : { ...made, token: undefined, file: out });
  else if (out !== undefined) terminal.line(`The token of ${made.name} (${made.role}) is in ${out}.`);
  else {
    terminal.note(`The token of ${made.name} (${made.role}); it is shown only now:`);
    terminal.line(made.token);
  }
  return 0;
}

async function drop({ args, connect, terminal }: Context): Promise<number> {
  await (await connect()).call('dropOperatorToken', { params: { id: args[0] ?? '' } });
  if (terminal.json) terminal.document({ dropped: args[0] });
  else terminal.line(`Token ${args[0]} opens nothing any more.`);
  return 0;
}

/** `tokens ls|new|drop`. */
export const TOKENS: readonly Command[] = [
  { words: ['tokens', 'ls'], usage: 'tokens ls', summary: 'Operator tokens', arguments: [0, 0], run: list },
  {
    words: ['tokens', 'new'],
    usage: 'tokens new NAME --role ROLE [--out FILE]',
    summary: 'Make one (viewer, operator, publisher, admin)',
    arguments: [1, 1],
    options: { role: { type: 'string' }, out: { type: 'string' } },
    run: make,
  },
  {
    words: ['tokens', 'drop'],
    usage: 'tokens drop ID',
    summary: 'Make one useless',
    arguments: [1, 1],
    run: drop,
  },
];
