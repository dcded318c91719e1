/** `events`: what devices have reported, in order of arrival; with --follow as it arrives. */
import type { StoredEvent } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { timeText } from '../units.ts';

const POLL_MS = 500;
const PAGE_ROWS = 500;

async function events({ flags, connect, terminal, world }: Context): Promise<number> {
  const client = await connect();
  const device = flags.text('device');
  const type = flags.text('type');
  let after = Number(flags.text('after') ?? '0');
  if (!Number.isInteger(after) || after < 0)
    throw new UsageError('--after is a position, a whole number from 0.');
  for (;;) {
    const query = { after, limit: PAGE_ROWS, ...(device && { device }), ...(type && { type }) };
    const { items } = await client.call('events', { query });
    for (const item of items) show(terminal, item);
    after = items.at(-1)?.position ?? after;
    if (items.length === PAGE_ROWS) continue;
    if (!flags.isOn('follow')) return 0;
    await world.sleep(POLL_MS);
  }
}

function show(terminal: Terminal, item: StoredEvent): void {
  if (terminal.json) terminal.document(item);
  else {
    const { type, ...facts } = item.event;
    const text = Object.entries(facts)
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(' ');
    const head = `${String(item.position).padStart(6)}  ${timeText(item.recordedAt)}  ${item.device.padEnd(10)}`;
    terminal.line(`${terminal.paint(head, 'dim')}  ${String(type)}  ${text}`);
  }
}

/** `events [--follow]`. */
export const EVENTS: Command = {
  words: ['events'],
  usage: 'events [--follow] [--device D] [--type T] [--after POSITION]',
  summary: 'What devices have reported; JSON is one event a line',
  arguments: [0, 0],
  options: {
    follow: { type: 'boolean' },
    device: { type: 'string' },
    type: { type: 'string' },
    after: { type: 'string' },
  },
  run: events,
};
