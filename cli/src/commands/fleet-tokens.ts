/**
 * `fleet-tokens`: what lets devices enrol. The printed token pins the publisher's key of this profile and the
 * controller's key, so that a device trusts these two and nothing that it is told later.
 */
import { type Command, type Context, UsageError } from '../command.ts';
import { tokenFor } from '../fleet-token.ts';
import { tableOf } from '../table.ts';
import { rootToPin } from '../trust/pinned-root.ts';
import { secondsOf, timeText } from '../units.ts';

const DEFAULT_VALIDITY = '7d';

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('fleetTokens');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf(terminal, items, {
      columns: [
        { title: 'name', cell: ({ name }) => name },
        { title: 'group', cell: ({ group }) => group },
        { title: 'uses left', cell: ({ usesLeft }) => usesLeft },
        { title: 'expires', cell: ({ expiresAt }) => timeText(expiresAt) },
        { title: 'id', cell: ({ id }) => id },
      ],
      empty: 'There is no fleet token. Next: nanofleet fleet-tokens new NAME --group GROUP',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

async function make({ args, flags, connect, profile, terminal }: Context): Promise<number> {
  const group = flags.text('group');
  if (group === undefined) throw new UsageError('Give --group, the group that the devices join.');
  const uses = Number(flags.text('uses') ?? '1');
  const validForS = secondsOf(flags.text('valid-for') ?? DEFAULT_VALIDITY);
  if (!Number.isInteger(uses) || uses < 1) throw new UsageError('--uses is a whole number from 1.');
  if (validForS === undefined) throw new UsageError('--valid-for is a number with s, m, h or d, as in 12h.');
  const key = await profile.readKey();
  const client = await connect();
  const root = await rootToPin(client, { key, profile, terminal });
  const who = await client.call('whoami');
  const made = await client.call('makeFleetToken', { body: { name: args[0] ?? '', group, uses, validForS } });
  const pinned = { publisher: key.fingerprint, root };
  const token = tokenFor(who, { ...pinned, made, isSystemTrusted: flags.isOn('system-trust') });
  if (terminal.json) terminal.document({ ...made, secret: undefined, token });
  else {
    terminal.note(`For ${uses} device(s) of group ${group}, until ${timeText(made.expiresAt)}:`);
    terminal.line(token);
    terminal.note('Next, on the device: nanofleet-agent enrol --dir DIR --name NAME --token TOKEN');
  }
  return 0;
}

async function drop({ args, connect, terminal }: Context): Promise<number> {
  await (await connect()).call('dropFleetToken', { params: { id: args[0] ?? '' } });
  if (terminal.json) terminal.document({ dropped: args[0] });
  else terminal.line(`Fleet token ${args[0]} enrols nobody any more.`);
  return 0;
}

/** `fleet-tokens ls|new|drop`. */
export const FLEET_TOKENS: readonly Command[] = [
  {
    words: ['fleet-tokens', 'ls'],
    usage: 'fleet-tokens ls',
    summary: 'Fleet tokens',
    arguments: [0, 0],
    run: list,
  },
  {
    words: ['fleet-tokens', 'new'],
    usage: 'fleet-tokens new NAME --group GROUP [--uses N] [--valid-for 7d] [--system-trust]',
    summary: 'Let devices enrol',
    arguments: [1, 1],
    options: {
      group: { type: 'string' },
      uses: { type: 'string' },
      'valid-for': { type: 'string' },
      'system-trust': { type: 'boolean' },
    },
    run: make,
  },
  {
    words: ['fleet-tokens', 'drop'],
    usage: 'fleet-tokens drop ID',
    summary: 'Make one useless',
    arguments: [1, 1],
    run: drop,
  },
];
