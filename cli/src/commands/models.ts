/** `models`: signing bundles, pushing them to the registry and on to devices, and what the registry holds. */
import {
  ANY_HARDWARE,
  type Digest,
  digestSchema,
  hardwareSchema,
  MANIFEST_FILE,
  type Model,
  parseId,
  parseManifest,
} from '@nanofleet/protocol';
import { signBundleDirectory } from '@nanofleet/protocol/node';
import type { Client } from '../client.ts';
import { type Command, type Context, UsageError } from '../command.ts';
import { followRollout, rolloutExitCode, rolloutText } from '../follow.ts';
import { bytesOf, publish } from '../publish.ts';
import { PLAN_OPTIONS, PLAN_USAGE, planOf } from '../rollout-plan.ts';
import { isCandidate, signCandidate } from '../sign-candidate.ts';
import { tableOf } from '../table.ts';
import { TARGET_OPTIONS, TARGET_USAGE, targetOf } from '../target.ts';
import { listRelease, modelTarget } from '../trust/release.ts';
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

async function push(context: Context): Promise<number> {
  const { args, flags, connect, terminal, world } = context;
  const target = targetOf(context);
  const plan = await planOf(context);
  const hardware = hardwareOf(flags.text('hardware'));
  const client = await connect();
  const model = await publish(client, terminal, args[0] ?? '');
  const bytes = await bytesOf(args[0] ?? '', MANIFEST_FILE, 'BUNDLE_FILE_MISSING');
  if (!(await listRelease(context, client, modelTarget(parseManifest(bytes), bytes, hardware)))) return 1;
  if (target === undefined) {
    if (terminal.json) terminal.document({ model });
    else terminal.line(`${model.line} ${model.version} is in the registry: ${model.digest}`);
    terminal.note('No device runs it yet: push it with --group GROUP, --all or --to controller.');
    return 0;
  }
  const made = await client.call('makeRollout', {
    body: { digest: model.digest, target, ...(plan === undefined ? {} : { plan }) },
  });
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

/** @throws UsageError */
function hardwareOf(given: string | undefined): string {
  const parsed = hardwareSchema.safeParse(given ?? ANY_HARDWARE);
  if (parsed.success) return parsed.data;
  throw new UsageError('--hardware is any, or a platform such as linux-arm64.');
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

/** A full digest, or that of the one bundle whose digest begins so. @throws UsageError */
export async function digestOf(client: Client, wanted: string): Promise<Digest> {
  if (wanted.length === 64) return parseId(digestSchema, wanted);
  const { items } = await client.call('models');
  const fitting = items.filter(({ digest }) => digest.startsWith(wanted));
  const [found] = fitting;
  if (found === undefined || fitting.length > 1)
    throw new UsageError(`${fitting.length} bundles have a digest that begins with ${wanted}.`);
  return found.digest;
}

async function show(context: Context): Promise<number> {
  const { args, connect, terminal } = context;
  const client = await connect();
  const digest = await digestOf(client, args[0] ?? '');
  const model = await client.call('model', { params: { digest } });
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
    usage: `models push DIR [${TARGET_USAGE} ${PLAN_USAGE}] [--hardware linux-arm64] [--watch]`,
    summary: 'Upload a signed bundle and make it the desired one',
    arguments: [1, 1],
    options: {
      ...TARGET_OPTIONS,
      ...PLAN_OPTIONS,
      hardware: { type: 'string' },
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
