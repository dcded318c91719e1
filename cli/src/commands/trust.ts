/**
 * `trust init|show|renew|publishers`: what the publishers of a fleet say of its releases, in metadata that devices check beside the
 * controller's word. The publisher's key never leaves its file.
 */
import { readFile } from 'node:fs/promises';
import { NanofleetError, parseManifest } from '@nanofleet/protocol';
import {
  checkManifestSignature,
  fingerprintOf,
  makeMetadata,
  readMetadata,
  type SigningKey,
} from '@nanofleet/protocol/node';
import type { Client } from '../client.ts';
import { type Command, type Context, UsageError } from '../command.ts';
import { fetchBlob } from '../fetch-blob.ts';
import { type Releases, rootOf, targetsOf } from '../trust/make-metadata.ts';
import { controllerKeysOf, type OpenTrust } from '../trust/open-trust.ts';
import { agentTarget, modelTarget, propose } from '../trust/release.ts';
import { type RootKeys, reroot } from '../trust/reroot.ts';
import { tell } from '../trust/tell-trust.ts';
import { TrustFiles } from '../trust/trust-files.ts';
import { trustLines } from '../trust/trust-text.ts';

const RAW_KEY_BYTES = 32;

/** A public key as `keys new` writes it. @throws NanofleetError KEY_FILE_INVALID */
async function publicKeyIn(path: string): Promise<Buffer> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const raw = Buffer.from(text.trim(), 'base64');
  if (raw.length === RAW_KEY_BYTES) return raw;
  throw new NanofleetError(
    'KEY_FILE_INVALID',
    `${path} holds no public key of a publisher (publisher.pub).`,
    {
      facts: { path },
    },
  );
}

/** Models and releases of the agent that this publisher has signed: the controller's word for that counts for nothing. */
async function ownReleases(client: Client, key: SigningKey): Promise<Releases> {
  const found: [string, Releases[string]][] = [];
  for (const { digest } of (await client.call('models')).items) {
    const bytes = await fetchBlob(client, digest);
    const { signature } = await client.call('model', { params: { digest } });
    if (isSignedBy(key, { bytes, signature })) found.push(modelTarget(parseManifest(bytes), bytes));
  }
  for (const { digest, signature } of (await client.call('agents')).items) {
    const bytes = await fetchBlob(client, digest);
    if (isSignedBy(key, { bytes, signature })) found.push(agentTarget(bytes));
  }
  return Object.fromEntries(found);
}

const isSignedBy = (
  key: SigningKey,
  { bytes, signature }: { bytes: Uint8Array; signature: string },
): boolean => {
  try {
    const publisherFingerprints = [key.fingerprint];
    checkManifestSignature({
      manifestBytes: bytes,
      signatureBytes: Buffer.from(signature),
      publisherFingerprints,
    });
    return true;
  } catch {
    // Of another publisher, who lists it.
    return false;
  }
};

async function init({ connect, profile, terminal, world }: Context): Promise<number> {
  const key = await profile.readKey();
  const client = await connect();
  const before = await client.call('trust');
  if (before.roles.length > 0)
    throw new NanofleetError(
      'SETTING_INVALID',
      'This fleet has release metadata already: nanofleet trust show.',
    );
  const { fleet } = before;
  const nowMs = world.now();
  const plan = {
    ...{ fleet, nowMs, version: 1, threshold: 1 },
    publishers: [key.publicKey],
    controllers: controllerKeysOf(before),
  };
  const root = readMetadata('root', makeMetadata(rootOf(plan), [key]));
  const listed = targetsOf(await ownReleases(client, key), { fleet, nowMs, version: 1 });
  const targets = readMetadata('targets', makeMetadata(listed, [key]));
  const open: OpenTrust = {
    ...{ fleet, root, targets: null, snapshotVersion: 0 },
    files: new TrustFiles(profile, fleet),
    roots: [root],
    rootsBehind: [root],
    controllerKeys: plan.controllers,
  };
  const done = await propose(client, open, { key, nowMs, proposal: { root: null, targets } });
  await open.files.keep(root);
  tell({ terminal }, done);
  terminal.note(
    'Tokens for devices pin this root from now on; enrolled devices follow it with their next connection.',
  );
  return 0;
}

async function show({ connect, terminal }: Context): Promise<number> {
  const trust = await (await connect()).call('trust');
  if (terminal.json) terminal.document(trust);
  else for (const line of trustLines(trust)) terminal.line(line);
  if (trust.roles.length === 0) terminal.note('Next: nanofleet trust init');
  return 0;
}

async function renew(context: Context): Promise<number> {
  tell(context, await reroot(context, (before) => before));
  return 0;
}

async function publishers(context: Context): Promise<number> {
  const [order = '', what = ''] = context.args;
  tell(context, await reroot(context, await changeOf(order, what)));
  return 0;
}

/** What an order makes of the keys. @throws UsageError, NanofleetError KEY_FILE_INVALID */
async function changeOf(order: string, what: string): Promise<(before: RootKeys) => RootKeys> {
  if (order === 'drop')
    return ({ publishers: before, threshold }) => ({
      publishers: without(before, what),
      threshold: Math.min(threshold, before.length - 1),
    });
  if (order === 'add') {
    const added = await publicKeyIn(what);
    return ({ publishers: before, threshold }) => ({
      publishers: [...before.filter((key) => !key.equals(added)), added],
      threshold,
    });
  }
  const threshold = Number(what);
  if (order !== 'threshold' || !Number.isInteger(threshold) || threshold < 1)
    throw new UsageError('Say add FILE, drop FINGERPRINT, or threshold N.');
  return (before) => ({ ...before, threshold });
}

const without = (before: readonly Buffer[], beginning: string): Buffer[] => {
  const kept = before.filter((key) => beginning.length < 8 || !fingerprintOf(key).startsWith(beginning));
  if (kept.length === before.length - 1 && kept.length > 0) return kept;
  throw new UsageError(`${before.length - kept.length} publishers have a key that begins with ${beginning}.`);
};

/** `trust init|show|renew|publishers`. */
export const TRUST: readonly Command[] = [
  {
    words: ['trust', 'init'],
    usage: 'trust init',
    summary: 'Begin release metadata: devices take only what publishers list from then on',
    arguments: [0, 0],
    run: init,
  },
  {
    words: ['trust', 'show'],
    usage: 'trust show',
    summary: 'Who must sign, what is listed, until when',
    arguments: [0, 0],
    run: show,
  },
  {
    words: ['trust', 'renew'],
    usage: 'trust renew',
    summary: "Sign all of it anew, with the controller's keys of now",
    arguments: [0, 0],
    run: renew,
  },
  {
    words: ['trust', 'publishers'],
    usage: 'trust publishers add FILE | drop FINGERPRINT | threshold N',
    summary: 'Whose signatures count, and how many there must be',
    arguments: [2, 2],
    run: publishers,
  },
];
