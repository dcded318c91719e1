/** `dashboard`: a link that signs one browser in, once; `timeline`: what happened in the fleet, in the terminal. */
import type { ApiAnswer } from '@nanofleet/protocol';
import type { Command, Context } from '../command.ts';
import { tableOf } from '../table.ts';
import { timeText } from '../units.ts';

async function link({ connect, terminal }: Context): Promise<number> {
  const client = await connect();
  const { code, expiresAt } = await client.call('makeSignInCode');
  // The code is in the fragment: browsers send that to no server, and no log of one holds it.
  const url = `${client.url}/#code=${code}`;
  if (terminal.json) terminal.document({ url, expiresAt });
  else {
    terminal.line(url);
    terminal.line('Open it in a browser within 15 minutes; it signs that one browser in, once.');
  }
  return 0;
}

type Entry = ApiAnswer<'timeline'>['items'][number];

const COLUMNS = [
  { title: 'at', cell: ({ at }: Entry) => timeText(at) },
  { title: 'what', cell: ({ kind }: Entry) => kind },
  { title: 'device', cell: ({ device }: Entry) => device ?? '' },
  { title: 'line', cell: ({ line }: Entry) => line ?? '' },
  {
    title: 'detail',
    cell: ({ code, detail, group }: Entry) => [code, detail, group].filter((part) => part !== null).join(' '),
  },
];

async function timeline({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('timeline', { query: { limit: 100 } });
  if (terminal.json) terminal.document(items);
  else {
    const table = tableOf(terminal, items, { columns: COLUMNS, empty: 'Nothing has happened yet.' });
    for (const line of table) terminal.line(line);
  }
  return 0;
}

/** `dashboard` and `timeline`. */
export const DASHBOARD: readonly Command[] = [
  {
    words: ['dashboard'],
    usage: 'dashboard',
    summary: 'A link that opens the dashboard, signed in',
    arguments: [0, 0],
    run: link,
  },
  {
    words: ['timeline'],
    usage: 'timeline',
    summary: 'What happened in the fleet, newest first',
    arguments: [0, 0],
    run: timeline,
  },
];
