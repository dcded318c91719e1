/** `agents`: releases of the agent, which upgrades itself on the devices: signing, pushing, and how each device stands. */
import {
  type AgentTarget,
  type DeviceAgent,
  groupIdSchema,
  MANIFEST_FILE,
  parseAgentRelease,
  parseId,
  type RegisteredAgent,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { sha256Of, signAgentDirectory } from '@nanofleet/protocol/node';
import type { Client } from '../client.ts';
import { type Command, type Context, UsageError } from '../command.ts';
import { bytesOf, upload } from '../publish.ts';
import { tableOf } from '../table.ts';
import type { Paint, Terminal } from '../terminal.ts';
import { agentTarget, listRelease } from '../trust/release.ts';
import { bytesText, shortDigest, timeText } from '../units.ts';

const STATE_PAINT: Record<DeviceAgent['state'], Paint> = {
  installed: 'dim',
  pending: 'yellow',
  fetching: 'yellow',
  staged: 'yellow',
  probation: 'yellow',
  running: 'green',
  refused: 'red',
  'rolled-back': 'red',
  offline: 'yellow',
};

async function sign({ args, profile, terminal }: Context): Promise<number> {
  const [directory = ''] = args;
  const key = await profile.readKey();
  const { digest, release } = await signAgentDirectory(directory, key);
  const { platforms, version } = release;
  if (terminal.json) terminal.document({ directory, digest, version, platforms, keyId: key.fingerprint });
  else terminal.line(`Signed agent ${version} for ${platforms.join(', ')}: ${digest}`);
  terminal.note(`Next: nanofleet agents push ${directory} --group GROUP`);
  return 0;
}

function targetOf({ flags }: Context): AgentTarget | undefined {
  const group = flags.text('group');
  const isAll = flags.isOn('all');
  if (group !== undefined && isAll) throw new UsageError('Give one of --group and --all.');
  if (group !== undefined) return { group: parseId(groupIdSchema, group) };
  return isAll ? { all: true } : undefined;
}

async function publish(client: Client, terminal: Terminal, directory: string): Promise<RegisteredAgent> {
  const manifestBytes = await bytesOf(directory, MANIFEST_FILE, 'BUNDLE_FILE_MISSING');
  const signature = await bytesOf(directory, SIGNATURE_FILE, 'SIGNATURE_MISSING');
  const { files } = parseAgentRelease(manifestBytes);
  const digest = sha256Of(manifestBytes);
  const { items } = await client.call('agents');
  const known = items.find((release) => release.digest === digest);
  if (known !== undefined) {
    terminal.note(`agent ${known.version} is in the registry already.`);
    return known;
  }
  await upload(client, terminal, { directory, files });
  const manifest = Buffer.from(manifestBytes).toString('base64');
  return client.call('addAgent', { body: { manifest, signature: Buffer.from(signature).toString('utf8') } });
}

async function push(context: Context): Promise<number> {
  const { args, connect, terminal } = context;
  const target = targetOf(context);
  const client = await connect();
  const release = await publish(client, terminal, args[0] ?? '');
  const bytes = await bytesOf(args[0] ?? '', MANIFEST_FILE, 'BUNDLE_FILE_MISSING');
  if (!(await listRelease(context, client, agentTarget(bytes)))) return 1;
  const rollout =
    target === undefined
      ? null
      : await client.call('rollOutAgent', { body: { digest: release.digest, target } });
  if (terminal.json) terminal.document({ release, rollout });
  else {
    const where = target === undefined ? 'is in the registry' : `goes to ${targetText(target)}`;
    terminal.line(`agent ${release.version} ${where}: ${release.digest}`);
  }
  terminal.note(
    rollout === null
      ? 'No device runs it yet: push it with --group GROUP or --all.'
      : 'Next: nanofleet agents status',
  );
  return 0;
}

const targetText = (target: AgentTarget): string =>
  'group' in target ? `group ${target.group}` : 'all devices';

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('agents');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf<RegisteredAgent>(terminal, items, {
      columns: [
        { title: 'version', cell: ({ version }) => version },
        { title: 'platforms', cell: ({ platforms }) => platforms.join(' ') },
        { title: 'size', cell: ({ bytes }) => bytesText(bytes) },
        { title: 'uploaded', cell: ({ uploadedAt }) => timeText(uploadedAt) },
        { title: 'digest', cell: ({ digest }) => shortDigest(digest) },
      ],
      empty: 'There is no release of the agent. Next: pnpm release:agent, nanofleet agents sign DIR',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

async function status({ args, connect, flags, terminal }: Context): Promise<number> {
  const group = flags.text('group');
  const { items } = await (await connect()).call('agentDevices');
  const shown = items.filter(
    (item) =>
      (group === undefined || item.group === group) && (args.length === 0 || args.includes(item.device)),
  );
  if (terminal.json) terminal.document(shown);
  else {
    const lines = tableOf<DeviceAgent>(terminal, shown, {
      columns: [
        { title: 'device', cell: ({ device }) => device },
        { title: 'group', cell: ({ group: of }) => of },
        { title: 'runs', cell: ({ report, version }) => report?.version ?? version ?? '' },
        { title: 'desired', cell: ({ desired }) => desired ?? '' },
        { title: 'state', cell: ({ state }) => terminal.paint(state, STATE_PAINT[state]) },
        { title: 'why', cell: whyText },
      ],
      empty: 'There is no such device. Next: nanofleet devices ls',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

const whyText = ({ report }: DeviceAgent): string =>
  report?.refused === undefined ? '' : `${report.refused.code} ${report.refused.message}`;

/** `agents sign|push|ls|status`. */
export const AGENTS: readonly Command[] = [
  {
    words: ['agents', 'sign'],
    usage: 'agents sign DIR',
    summary: 'Check a release of the agent and sign its manifest',
    arguments: [1, 1],
    run: sign,
  },
  {
    words: ['agents', 'push'],
    usage: 'agents push DIR [--group G | --all]',
    summary: 'Upload a signed release of the agent and make it the desired one; again tries it again',
    arguments: [1, 1],
    options: { group: { type: 'string' }, all: { type: 'boolean' } },
    run: push,
  },
  {
    words: ['agents', 'ls'],
    usage: 'agents ls',
    summary: 'Releases of the agent',
    arguments: [0, 0],
    run: list,
  },
  {
    words: ['agents', 'status'],
    usage: 'agents status [DEVICE …] [--group G]',
    summary: 'Which agent each device runs, has staged, has on probation, or has come back from, and why',
    arguments: [0, 64],
    options: { group: { type: 'string' } },
    run: status,
  },
];
