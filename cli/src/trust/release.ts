/**
 * Listing releases in the publishers' targets: signed and pushed in one step where one signature is enough, or written to a file that
 * other publishers sign. Owns these steps; never makes a key.
 */
import { readFile } from 'node:fs/promises';
import {
  ANY_HARDWARE,
  agentStatement,
  canonicalJson,
  type Digest,
  type Manifest,
  type MetadataDocument,
  modelStatement,
  NanofleetError,
  parseAgentRelease,
  type Target,
  type Trust,
  targetPath,
  toNanofleetError,
} from '@nanofleet/protocol';
import {
  checkMetadataSignatures,
  encodeMetadata,
  makeMetadata,
  readMetadata,
  type SigningKey,
  sha256Of,
  signMetadata,
} from '@nanofleet/protocol/node';
import { z } from 'zod';
import type { Client } from '../client.ts';
import type { Context } from '../command.ts';
import type { Profile } from '../profile.ts';
import { type Releases, snapshotOf, targetsOf } from './make-metadata.ts';
import { type OpenTrust, openTrust } from './open-trust.ts';

const proposalSchema = z.object({ root: z.string().nullable(), targets: z.string() });

/** What publishers are to sign: another root or none, and targets. */
export interface Proposal {
  readonly root: MetadataDocument<'root'> | null;
  readonly targets: MetadataDocument<'targets'>;
}

const textOf = ({ bytes }: MetadataDocument): string => Buffer.from(bytes).toString('utf8');

/** A proposal as a file. */
export const encodeProposal = ({ root, targets }: Proposal): string =>
  `${JSON.stringify({ root: root === null ? null : textOf(root), targets: textOf(targets) })}\n`;

/** The proposal in a file; @throws NanofleetError METADATA_MALFORMED, or of its documents */
export const readProposal = async (path: string): Promise<Proposal> => {
  const text = await readFile(path, 'utf8').catch(() => '');
  const parsed = proposalSchema.safeParse(jsonIn(text));
  if (!parsed.success)
    throw new NanofleetError('METADATA_MALFORMED', `${path} is no file that publishers sign.`, {
      facts: { path },
    });
  const { root, targets } = parsed.data;
  return {
    root: root === null ? null : readMetadata('root', Buffer.from(root)),
    targets: readMetadata('targets', Buffer.from(targets)),
  };
};

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // The caller names the file.
    return null;
  }
};

/** The document with the signature of a key as well. */
export const alsoSigned = <R extends 'root' | 'targets'>(
  document: MetadataDocument<R>,
  key: SigningKey,
): MetadataDocument<R> => {
  const others = document.signatures.filter(({ keyid }) => keyid !== key.fingerprint);
  const signed: object = JSON.parse(document.signedText) as object;
  const signatures = [...others, signMetadata(key, document.signedText)];
  return readMetadata(document.role, encodeMetadata(signed, signatures));
};

/** Targets that follow, signed by one key. */
export const proposeTargets = (
  releases: Releases,
  { key, nowMs, open }: { key: SigningKey; nowMs: number; open: Pick<OpenTrust, 'fleet' | 'targets'> },
): MetadataDocument<'targets'> => {
  const version = (open.targets?.signed.version ?? 0) + 1;
  return readMetadata(
    'targets',
    makeMetadata(targetsOf(releases, { fleet: open.fleet, version, nowMs }), [key]),
  );
};

/** Whether enough publishers have signed. */
const isComplete = (open: OpenTrust, { root, targets }: Proposal): boolean => {
  try {
    const former = new Set<string>();
    if (root !== null) {
      checkMetadataSignatures(root, { root: open.root.signed, former });
      checkMetadataSignatures(root, { root: root.signed, former });
    }
    checkMetadataSignatures(targets, { root: (root ?? open.root).signed, former });
    return true;
  } catch (thrown) {
    if (thrown instanceof NanofleetError && thrown.code === 'METADATA_THRESHOLD_MISSED') return false;
    throw thrown;
  }
};

/** What came of a proposal: it is in place, or waits for other publishers in a file. */
export type Proposed = { readonly trust: Trust } | { readonly file: string };

/** Puts a proposal in place when it is complete, or writes it down for others. */
export const propose = async (
  client: Client,
  open: OpenTrust,
  { key, nowMs, proposal }: { key: SigningKey; nowMs: number; proposal: Proposal },
): Promise<Proposed> => {
  const { files, fleet, rootsBehind, snapshotVersion } = open;
  if (!isComplete(open, proposal)) {
    const name = `to-sign-${proposal.targets.signed.version}.json`;
    return { file: await files.write(name, encodeProposal(proposal)) };
  }
  const { root, targets } = proposal;
  const signed = snapshotOf(targets, { fleet, version: snapshotVersion + 1, nowMs });
  const snapshot = readMetadata('snapshot', makeMetadata(signed, [key]));
  const roots = root === null ? rootsBehind : [...rootsBehind, root];
  const trust = await client.call('putMetadata', {
    body: {
      roots: roots.map(textOf),
      releases: { targets: textOf(targets), snapshot: textOf(snapshot) },
    },
  });
  for (const document of root === null ? [targets, snapshot] : [root, targets, snapshot])
    await files.keep(document);
  return { trust };
};

/** A model among the targets. */
export const modelTarget = (
  manifest: Manifest,
  bytes: Uint8Array,
  hardware = ANY_HARDWARE,
): [string, Target] => {
  const digest = sha256Of(bytes);
  const custom = modelStatement(manifest, hardware);
  return [targetPath('model', digest), { length: bytes.length, hashes: { sha256: digest }, custom }];
};

/** A release of the agent among them. */
export const agentTarget = (bytes: Uint8Array): [string, Target] => {
  const digest: Digest = sha256Of(bytes);
  const custom = agentStatement(parseAgentRelease(bytes));
  return [targetPath('agent', digest), { length: bytes.length, hashes: { sha256: digest }, custom }];
};

/** Lists a release; null where there is nothing to do. */
const listOnce = async (
  client: Client,
  { key, nowMs, profile }: { key: SigningKey; nowMs: number; profile: Profile },
  [path, target]: [string, Target],
): Promise<Proposed | null> => {
  const open = await openTrust(client, { key, profile });
  if (open === null) return null;
  const before = open.targets?.signed.targets ?? {};
  const known = before[path];
  if (known !== undefined && canonicalJson(known) === canonicalJson(target)) return null;
  const targets = proposeTargets({ ...before, [path]: target }, { key, nowMs, open });
  return propose(client, open, { key, nowMs, proposal: { root: null, targets } });
};

/**
 * Lists a release in the targets; nothing where the fleet has no metadata, or it is listed so already. Whether devices may take it now:
 * not while other publishers have to sign.
 */
export const listRelease = async (
  { profile, terminal, world }: Pick<Context, 'profile' | 'terminal' | 'world'>,
  client: Client,
  [path, target]: [string, Target],
): Promise<boolean> => {
  const trust = await client.call('trust');
  if (trust.roles.length === 0) {
    terminal.note(
      'This fleet has no release metadata: devices go by the signature on each bundle alone. Next: nanofleet trust init',
    );
    return true;
  }
  const key = await profile.readKey();
  const listing = () => listOnce(client, { key, profile, nowMs: world.now() }, [path, target]);
  // Who pushes at the same time is quicker at most once for each of its pushes.
  const proposed = await listing().catch((thrown: unknown) => {
    if (toNanofleetError(thrown).code !== 'METADATA_OLD') throw thrown;
    return listing();
  });
  if (proposed === null || 'trust' in proposed) return true;
  terminal.note(
    `Other publishers have to sign this first: ${proposed.file}. There: nanofleet trust sign FILE; then nanofleet trust push FILE`,
  );
  return false;
};
