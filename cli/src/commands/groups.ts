/** `groups`: device groups, how far their texts may travel, whether their decisions may be explained, how they fetch. */
import {
  explanationPolicySchema,
  offloadPolicySchema,
  TRANSFER_BYTES_PER_SECOND_MIN,
  type Transfer,
  transferSchema,
} from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { tableOf } from '../table.ts';
import { bytesIn, bytesText, secondsOf } from '../units.ts';

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('groups');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf(terminal, items, {
      columns: [
        { title: 'group', cell: ({ group }) => group },
        { title: 'offload', cell: ({ offload }) => offload },
        { title: 'explanations', cell: ({ explanations }) => explanations },
        { title: 'fetch', cell: ({ transfer }) => transferText(transfer) },
        { title: 'devices', cell: ({ devices }) => devices },
      ],
      empty: 'There is no group yet: the first fleet token makes one.',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

async function setPolicy({ args, connect, terminal }: Context): Promise<number> {
  const [group = '', wanted = ''] = args;
  const offload = offloadPolicySchema.safeParse(wanted);
  if (!offload.success)
    throw new UsageError(`The policy is none, mini or cloud, not ${JSON.stringify(wanted)}.`);
  const found = await (await connect()).call('setPolicy', {
    params: { group },
    body: { offload: offload.data },
  });
  if (terminal.json) terminal.document(found);
  else terminal.line(`Texts of group ${found.group} may travel to: ${found.offload}.`);
  return 0;
}

async function setExplanations({ args, connect, terminal }: Context): Promise<number> {
  const [group = '', wanted = ''] = args;
  const explanations = explanationPolicySchema.safeParse(wanted);
  if (!explanations.success)
    throw new UsageError(`Explanations are given never or local, not ${JSON.stringify(wanted)}.`);
  const found = await (await connect()).call('setExplanations', {
    params: { group },
    body: { explanations: explanations.data },
  });
  if (terminal.json) terminal.document(found);
  else terminal.line(`Explanations of decisions in group ${found.group}: ${found.explanations}.`);
  return 0;
}

const transferText = (transfer: Transfer | null): string => {
  if (transfer === null) return 'by number';
  const { bytesPerSecond, spreadMs } = transfer;
  const begin = spreadMs === 0 ? 'at once' : `within ${spreadMs / 1_000} s`;
  return bytesPerSecond === undefined ? begin : `${begin}, ${bytesText(bytesPerSecond)}/s`;
};

const wantedTransfer = ({ flags }: Pick<Context, 'flags'>): Transfer | null => {
  const [spread, rate] = [flags.text('spread'), flags.text('rate')];
  if (spread === undefined && rate === undefined) return null;
  const wanted = transferSchema.safeParse({
    spreadMs: (secondsOf(spread ?? '0s') ?? Number.NaN) * 1_000,
    ...(rate === undefined ? {} : { bytesPerSecond: bytesIn(rate) ?? Number.NaN }),
  });
  if (wanted.success) return wanted.data;
  throw new UsageError(
    `--spread is a time of at most 1h, as 90s, and --rate bytes per second, at least ${TRANSFER_BYTES_PER_SECOND_MIN}, as 200kB; given were ${spread ?? 'none'} and ${rate ?? 'none'}.`,
  );
};

async function setTransfer({ args, connect, flags, terminal }: Context): Promise<number> {
  const [group = ''] = args;
  const transfer = wantedTransfer({ flags });
  const found = await (await connect()).call('setTransfer', { params: { group }, body: { transfer } });
  if (terminal.json) terminal.document(found);
  else terminal.line(`Devices of group ${found.group} fetch: ${transferText(found.transfer)}.`);
  return 0;
}

/** `groups ls|policy|explanations|transfer`. */
export const GROUPS: readonly Command[] = [
  {
    words: ['groups', 'ls'],
    usage: 'groups ls',
    summary: 'Groups with their policies',
    arguments: [0, 0],
    run: list,
  },
  {
    words: ['groups', 'policy'],
    usage: 'groups policy GROUP none|mini|cloud',
    summary: 'How far texts may travel',
    arguments: [2, 2],
    run: setPolicy,
  },
  {
    words: ['groups', 'explanations'],
    usage: 'groups explanations GROUP never|local',
    summary: 'Whether programs on devices may be told which words decided',
    arguments: [2, 2],
    run: setExplanations,
  },
  {
    words: ['groups', 'transfer'],
    usage: 'groups transfer GROUP [--spread 90s] [--rate 200kB]',
    summary: 'When and how fast devices fetch; by their number without options',
    arguments: [1, 1],
    options: { spread: { type: 'string' }, rate: { type: 'string' } },
    run: setTransfer,
  },
];
