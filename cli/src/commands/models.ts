/** `models`: signing bundles, pushing them to the registry and on to devices, and what the registry holds. */
import type { Model, RolloutTarget } from '@nanofleet/protocol';
import { groupIdSchema, parseId } from '@nanofleet/protocol';
import { signBundleDirectory } from '@nanofleet/protocol/node';
import { type Command, type Context, UsageError } from '../command.ts';
import { followRollout, rolloutExitCode, rolloutText } from '../follow.ts';
import { publish } from '../publish.ts';
import { isCandidate, signCandidate } from '../sign-candidate.ts';
import { tableOf } from '../table.ts';
import { bytesText, shortDigest, timeText } from '../units.ts';

async function sign(context: Context): Promise<number> {
  const { args, flags, profile, terminal } = context;
  const [first = ''] = args;
  if (isCandidate(first)) {
    if (args.length > 1) throw new UsageError('Candidates are signed one at a time.');
    return signCandidate(context, first);
  }
  if (flags.text('data') !== undefined) throw new UsageError('--data goes with the digest of a candidate.');
  const key = await profile.readKey();
  const signed: unknown[] = [];
  for (const directory of args) {
    const { digest, manifest } = await signBundleDirectory(directory, key);
    const { line, version, releaseCounter } = manifest;
    signed.push({ directory, digest, line, version, releaseCounter, keyId: key.fingerprint });
    if (!terminal.json) terminal.line(`Signed ${line} ${version} (release ${releaseCounter}): ${digest}`);
    terminal.note(
      `Next: nanofleet models push ${directory} ${line === 'mini' ? '--to controller' : '--all'}`,
    );
  }
  if (terminal.json) terminal.document(signed);
  return 0;
}

/** Who shall run a bundle, by --group, --all or --to controller; undefined for nobody yet. */
export function targetOf({ flags }: Pick<Context, 'flags'>): RolloutTarget | undefined {
  const group = flags.text('group');
  const to = flags.text('to');
  const isAll = flags.isOn('all');
  const given = [group !== undefined, to !== undefined, isAll].filter(Boolean).length;
  if (given > 1) throw new UsageError('Give one of --group, --all and --to controller.');
  if (to !== undefined && to !== 'controller')
    throw new UsageError(`--to takes "controller", not ${JSON.stringify(to)}.`);
  if (group !== undefined) return { group: parseId(groupIdSchema, group) };
  if (to !== undefined) return { controller: true };
  return isAll ? { all: true } : undefined;
}

async function push(context: Context): Promise<number> {
  const { args, flags, connect, terminal, world } = context;
  const target = targetOf(context);
  const client = await connect();
  const model = await publish(client, terminal, args[0] ?? '');
  if (target === undefined) {
    if (terminal.json) terminal.document({ model });
    else terminal.line(`${model.line} ${model.version} is in the registry: ${model.digest}`);
    terminal.note('No device runs it yet: push it with --group GROUP, --all or --to controller.');
    return 0;
  }
  const made = await client.call('makeRollout', { body: { digest: model.digest, target } });
  if (!flags.isOn('watch')) {
    if (terminal.json) terminal.document({ model, rollout: made });
    else terminal.line(rolloutText(terminal, made));
    terminal.note(`Next: nanofleet rollout status ${made.id} --watch`);
    return 0;
  }
  const rollout = await followRollout({ client, terminal, world, rollout: made });
  if (terminal.json) terminal.document({ model, rollout });
  else terminal.line(rolloutText(terminal, rollout));
  return rolloutExitCode(rollout);
}

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('models');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf<Model>(terminal, items, {
      columns: [
        { title: 'line', cell: ({ line }) => line },
        { title: 'version', cell: ({ version }) => version },
        { title: 'release', cell: ({ releaseCounter }) => releaseCounter },
        { title: 'task', cell: ({ task }) => task },
        { title: 'size', cell: ({ bytes }) => bytesText(bytes) },
        { title: 'uploaded', cell: ({ uploadedAt }) => timeText(uploadedAt) },
        { title: 'digest', cell: ({ digest }) => shortDigest(digest) },
      ],
      empty: 'The registry is empty. Next: nanofleet models push DIR --all',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

/** A full digest, or the one bundle whose digest begins so. */
async function digestOf({ args, connect }: Context): Promise<string> {
  const wanted = args[0] ?? '';
  if (wanted.length === 64) return wanted;
  const { items } = await (await connect()).call('models');
  const fitting = items.filter(({ digest }) => digest.startsWith(wanted));
  if (fitting.length !== 1)
    throw new UsageError(`${fitting.length} bundles have a digest that begins with ${wanted}.`);
  return fitting[0]?.digest ?? wanted;
}

async function show(context: Context): Promise<number> {
  const { connect, terminal } = context;
  const digest = await digestOf(context);
  const model = await (await connect()).call('model', { params: { digest } });
  if (terminal.json) {
    terminal.document(model);
    return 0;
  }
  const fact = (name: string, value: string) =>
    terminal.line(`${terminal.paint(name.padEnd(12), 'dim')}${value}`);
  fact('bundle', `${model.line} ${model.version} (release ${model.releaseCounter}), ${model.task}`);
  fact('digest', model.digest);
  const travels = model.card?.travelBytes ?? model.bytes;
  const fetched = travels < model.bytes ? `; devices fetch ${bytesText(travels)}` : '';
  fact('size', `${bytesText(model.bytes)}${fetched}`);
  fact('signed by', model.keyId);
  fact('uploaded', timeText(model.uploadedAt));
  for (const ancestor of model.lineage)
    fact('made from', `${ancestor.version} ${shortDigest(ancestor.digest)}`);
  for (const file of model.missing) fact('missing', file);
  fact('quality', JSON.stringify(model.quality));
  return 0;
}

/** `models sign|push|ls|show`. */
export const MODELS: readonly Command[] = [
  {
    words: ['models', 'sign'],
    usage: 'models sign DIR|CANDIDATE [DIR …] [--data FILE] [--force]',
    summary: 'Check bundles, or a candidate of a round, and sign their manifests',
    arguments: [1, 16],
    options: { data: { type: 'string' }, 'max-loss': { type: 'string' }, force: { type: 'boolean' } },
    run: sign,
  },
  {
    words: ['models', 'push'],
    usage: 'models push DIR [--group G | --all | --to controller] [--watch]',
    summary: 'Upload a signed bundle and make it the desired one',
    arguments: [1, 1],
    options: {
      group: { type: 'string' },
      all: { type: 'boolean' },
      to: { type: 'string' },
      watch: { type: 'boolean' },
    },
    run: push,
  },
  { words: ['models', 'ls'], usage: 'models ls', summary: 'The registry', arguments: [0, 0], run: list },
  {
    words: ['models', 'show'],
    usage: 'models show DIGEST',
    summary: 'One bundle with its lineage',
    arguments: [1, 1],
    run: show,
  },
];
