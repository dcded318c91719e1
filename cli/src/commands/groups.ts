/** `groups`: device groups, how far their texts may travel, whether their decisions may be explained. */
import { explanationPolicySchema, offloadPolicySchema } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { tableOf } from '../table.ts';

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('groups');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf(terminal, items, {
      columns: [
        { title: 'group', cell: ({ group }) => group },
        { title: 'offload', cell: ({ offload }) => offload },
        { title: 'explanations', cell: ({ explanations }) => explanations },
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

/** `groups ls|policy|explanations`. */
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
];
