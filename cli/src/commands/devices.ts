/** `devices`: who is in the fleet, how each one is, taking rights away, new hardware, moving between groups. */
import type { DeviceSummary } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { tokenFor } from '../fleet-token.ts';
import { type Column, tableOf } from '../table.ts';
import { tagsOf } from '../target.ts';
import type { Paint, Terminal } from '../terminal.ts';
import { rootToPin } from '../trust/pinned-root.ts';
import { bytesText, secondsOf, shareText, shortDigest, timeText } from '../units.ts';

const REPLACEMENT_VALIDITY = '1d';

const STATUS_PAINT: Record<DeviceSummary['status'], Paint> = {
  online: 'green',
  offline: 'yellow',
  revoked: 'red',
  'never-seen': 'dim',
};

const columns = (terminal: Terminal): Column<DeviceSummary>[] => [
  { title: 'device', cell: ({ device }) => device },
  { title: 'group', cell: ({ group }) => group },
  { title: 'status', cell: ({ status }) => terminal.paint(status, STATUS_PAINT[status]) },
  { title: 'last seen', cell: ({ lastSeenAt }) => timeText(lastSeenAt) },
  { title: 'runs', cell: ({ lines }) => linesText(lines) },
  { title: 'problems', cell: ({ problems }) => problems.map(({ code }) => code).join(' ') },
];

const linesText = (lines: DeviceSummary['lines']): string =>
  Object.entries(lines)
    .map(([line, { running }]) => `${line} ${running?.version ?? 'none'}`)
    .join(', ');

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('devices');
  if (terminal.json) terminal.document(items);
  else {
    const empty = 'No device is enrolled. Next: nanofleet devices add NAME --group GROUP';
    for (const line of tableOf(terminal, items, { columns: columns(terminal), empty })) terminal.line(line);
  }
  return 0;
}

async function show({ args, connect, terminal }: Context): Promise<number> {
  const found = await (await connect()).call('device', { params: { device: args[0] ?? '' } });
  if (terminal.json) {
    terminal.document(found);
    return 0;
  }
  const fact = (name: string, value: string) =>
    terminal.line(`${terminal.paint(name.padEnd(12), 'dim')}${value}`);
  fact('device', `${found.device} (${found.group}), ${found.status}`);
  fact('enrolled', timeText(found.enrolledAt));
  fact('last seen', timeText(found.lastSeenAt));
  fact('agent', found.agentVersion ?? 'not seen yet');
  fact('desired', `version ${found.desiredVersion}, reported ${found.reportedVersion}`);
  if (found.root) fact('metadata', `root ${found.root}`);
  for (const [line, { attested = false, running, refused, step }] of Object.entries(found.lines)) {
    const word = attested ? '' : ', not attested';
    fact(line, running === null ? step : `${running.version} ${shortDigest(running.digest)}, ${step}${word}`);
    if (refused !== undefined) fact('', `refused ${shortDigest(refused.digest)}: ${refused.code}`);
  }
  if (found.beat !== null) {
    const { decisions, decisionMicros, offloadShare, rssBytes } = found.beat;
    fact(
      'decisions',
      `${decisions.total}, p50 ${Math.round(decisionMicros.p50)} µs, ${shareText(offloadShare)} sent on`,
    );
    fact('memory', bytesText(rssBytes));
  }
  for (const { code, message } of found.problems) fact('problem', `${code}: ${message}`);
  return 0;
}

async function revoke({ args, connect, terminal }: Context): Promise<number> {
  const found = await (await connect()).call('revokeDevice', { params: { device: args[0] ?? '' } });
  if (terminal.json) terminal.document(found);
  else terminal.line(`${found.device} is revoked: no session, no topics, no blobs.`);
  return 0;
}

async function move({ args, connect, terminal }: Context): Promise<number> {
  const [device = '', group = ''] = args;
  const found = await (await connect()).call('moveDevice', { params: { device }, body: { group } });
  if (terminal.json) terminal.document(found);
  else terminal.line(`${found.device} is in group ${found.group}.`);
  return 0;
}

async function tag({ args, connect, terminal }: Context): Promise<number> {
  const [device = '', tags = ''] = args;
  const body = { tags: tags === '' ? {} : tagsOf(tags) };
  const found = await (await connect()).call('tagDevice', { params: { device }, body });
  const shown = Object.entries(found.tags).map(([key, value]) => `${key}=${value}`);
  if (terminal.json) terminal.document(found);
  else terminal.line(`${found.device} has the tags ${shown.length === 0 ? 'none' : shown.join(',')}.`);
  return 0;
}

async function replace({ args, connect, flags, profile, terminal }: Context): Promise<number> {
  const device = args[0] ?? '';
  const validForS = secondsOf(flags.text('valid-for') ?? REPLACEMENT_VALIDITY);
  if (validForS === undefined) throw new UsageError('--valid-for is a number with s, m, h or d, as in 12h.');
  const key = await profile.readKey();
  const client = await connect();
  const root = await rootToPin(client, { key, profile, terminal });
  const who = await client.call('whoami');
  const made = await client.call('replaceDevice', { params: { device }, body: { validForS } });
  const pinned = { publisher: key.fingerprint, root };
  const token = tokenFor(who, { ...pinned, made, isSystemTrusted: flags.isOn('system-trust') });
  if (terminal.json) terminal.document({ ...made, secret: undefined, token });
  else {
    terminal.note(
      `For one device that takes over ${device}, until ${timeText(made.expiresAt)}; the old one ends then:`,
    );
    terminal.line(token);
    terminal.note(`Next, on the new device: nanofleet-agent enrol --dir DIR --name ${device} --token TOKEN`);
  }
  return 0;
}

/** `devices ls|show|revoke|replace|move|tag`. */
export const DEVICES: readonly Command[] = [
  { words: ['devices', 'ls'], usage: 'devices ls', summary: 'All devices', arguments: [0, 0], run: list },
  {
    words: ['devices', 'show'],
    usage: 'devices show DEVICE',
    summary: 'One device',
    arguments: [1, 1],
    run: show,
  },
  {
    words: ['devices', 'revoke'],
    usage: 'devices revoke DEVICE',
    summary: 'Cut its session and all its rights',
    arguments: [1, 1],
    run: revoke,
  },
  {
    words: ['devices', 'replace'],
    usage: 'devices replace OLD [--valid-for 1d] [--system-trust]',
    summary: 'Let new hardware take over name, group and history; the old key ends with that',
    arguments: [1, 1],
    options: { 'valid-for': { type: 'string' }, 'system-trust': { type: 'boolean' } },
    run: replace,
  },
  {
    words: ['devices', 'tag'],
    usage: 'devices tag DEVICE [site=oslo,time-zone=Europe/Oslo]',
    summary: 'Set its tags, in place of those that it has; none clears them',
    arguments: [1, 2],
    run: tag,
  },
  {
    words: ['devices', 'move'],
    usage: 'devices move DEVICE GROUP',
    summary: 'Put it into a group',
    arguments: [2, 2],
    run: move,
  },
];
