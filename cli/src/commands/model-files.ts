/** `models export|import`: a signed bundle as one file, carried to a site that no network reaches. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { type Digest, NanofleetError, parseManifest } from '@nanofleet/protocol';
import { fingerprintOf } from '@nanofleet/protocol/node';
import { decodeBundleFile, encodeBundleFile } from '../bundle-file.ts';
import { type Command, type Context, UsageError } from '../command.ts';
import { fetchBlob } from '../fetch-blob.ts';
import { targetOf } from '../target.ts';
import { listRelease, modelTarget } from '../trust/release.ts';
import { bytesText } from '../units.ts';

const RAW_KEY_BYTES = 32;

async function exportModel({ args, connect, flags, terminal }: Context): Promise<number> {
  const [wanted = ''] = args;
  const out = flags.text('out');
  if (out === undefined) throw new UsageError('Say where to: --out FILE.');
  const client = await connect();
  const { items } = await client.call('models');
  const fitting = items.filter(({ digest }) => digest.startsWith(wanted));
  const [model] = fitting;
  if (model === undefined || fitting.length !== 1)
    throw new UsageError(`${fitting.length} bundles have a digest that begins with ${wanted}.`);
  const { digest, signature } = await client.call('model', { params: { digest: model.digest } });
  const manifestBytes = await fetchBlob(client, digest);
  const files = new Map<Digest, Uint8Array>();
  for (const { sha256 } of parseManifest(manifestBytes).files)
    files.set(sha256, await fetchBlob(client, sha256));
  const bytes = encodeBundleFile({ digest, manifestBytes, signature, files });
  // Whoever carries it must not find half of one under its name.
  await writeFile(`${out}.part`, bytes);
  await rename(`${out}.part`, out);
  const { line, version } = model;
  if (terminal.json) terminal.document({ file: out, digest, line, version, bytes: bytes.length });
  else terminal.line(`${line} ${version}, ${bytesText(bytes.length)}, is in ${out}.`);
  terminal.note(`There: nanofleet models import ${out}`);
  return 0;
}

async function importModel(context: Context): Promise<number> {
  const { args, connect, flags, profile, terminal } = context;
  const target = targetOf(context);
  const [file = ''] = args;
  const given = flags.text('publisher-key');
  const pinned = given === undefined ? (await profile.readKey()).fingerprint : await fingerprintIn(given);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new NanofleetError('BUNDLE_FILE_MISSING', `${file} cannot be read.`, { cause, facts: { file } });
  });
  const bundle = decodeBundleFile(bytes, [pinned]);
  const client = await connect();
  for (const [digest, body] of bundle.files) await client.call('putBlob', { params: { digest }, body });
  const manifest = Buffer.from(bundle.manifestBytes).toString('base64');
  const model = await client.call('addModel', { body: { manifest, signature: bundle.signature } });
  const isListed = await listRelease(context, client, modelTarget(bundle.manifest, bundle.manifestBytes));
  if (!isListed) return 1;
  const body = target === undefined ? null : { digest: model.digest, target };
  const rollout = body === null ? null : await client.call('makeRollout', { body });
  if (terminal.json) terminal.document({ model, rollout });
  else terminal.line(`${model.line} ${model.version} is in the registry: ${model.digest}`);
  terminal.note(
    rollout === null
      ? 'No device runs it yet: import it again with --group GROUP, --all or --to controller.'
      : `Next: nanofleet rollout status ${rollout.id} --watch`,
  );
  return 0;
}

/** Of a public key as `keys new` writes it. @throws NanofleetError KEY_FILE_INVALID */
async function fingerprintIn(path: string): Promise<Digest> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const raw = Buffer.from(text.trim(), 'base64');
  if (raw.length === RAW_KEY_BYTES) return fingerprintOf(raw);
  throw new NanofleetError(
    'KEY_FILE_INVALID',
    `${path} holds no public key of a publisher (publisher.pub).`,
    {
      facts: { path },
    },
  );
}

/** `models export|import`. */
export const MODEL_FILES: readonly Command[] = [
  {
    words: ['models', 'export'],
    usage: 'models export DIGEST --out FILE',
    summary: 'A signed bundle as one file, to be carried to another site',
    arguments: [1, 1],
    options: { out: { type: 'string' } },
    run: exportModel,
  },
  {
    words: ['models', 'import'],
    usage: 'models import FILE [--publisher-key FILE] [--group G | --all | --to controller]',
    summary: 'Check such a file against the pinned publisher and register it',
    arguments: [1, 1],
    options: {
      'publisher-key': { type: 'string' },
      group: { type: 'string' },
      all: { type: 'boolean' },
      to: { type: 'string' },
    },
    run: importModel,
  },
];
