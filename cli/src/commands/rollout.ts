/** `rollout`: how far a bundle has come on the devices that it is meant for. */
import type { Command, Context } from '../command.ts';
import { followRollout, rolloutExitCode, rolloutText } from '../follow.ts';
import { tableOf } from '../table.ts';
import { shortDigest, timeText } from '../units.ts';

async function status({ args, flags, connect, terminal, world }: Context): Promise<number> {
  const client = await connect();
  const found = await client.call('rollout', { params: { id: args[0] ?? '' } });
  const rollout = flags.isOn('watch')
    ? await followRollout({ client, terminal, world, rollout: found })
    : found;
  if (terminal.json) terminal.document(rollout);
  else {
    terminal.line(rolloutText(terminal, rollout));
    const lines = tableOf(terminal, rollout.devices, {
      columns: [
        { title: 'device', cell: ({ device }) => device },
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
        { title: 'status', cell: ({ status: state }) => state },
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

/** `rollout status|ls`. */
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
];
