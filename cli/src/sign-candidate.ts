/**
 * Signing a candidate of a round: fetched with its parent, every digest verified, golden vectors re-run, judged on the
 * publisher's own data beside the parent, and signed only if it is not worse beyond the bound. What the controller says
 * of a candidate counts for nothing here.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CandidateDetail,
  type Digest,
  MANIFEST_FILE,
  NanofleetError,
  parseManifest,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { type SigningKey, signBundleDirectory } from '@nanofleet/protocol/node';
import type { BoundCheck, CheckedBundle, Comparison } from '@nanofleet/runtime/node';
import type { Client } from './client.ts';
import { type Context, UsageError } from './command.ts';
import { fetchBlob } from './fetch-blob.ts';
import { accuracyLines } from './follow-round.ts';
import { readLabelledFile } from './labelled-file.ts';
import type { Terminal } from './terminal.ts';
import { listRelease, modelTarget } from './trust/release.ts';
import { bytesText, shareText, shortDigest } from './units.ts';

/** Accuracy on old labels that a candidate may lose, in points, unless --max-loss says otherwise. */
const LOSS_MAX_POINTS = 1.5;
/** Labels that are shown: those that lost most. */
const LABELS_SHOWN = 5;

/** Whether an argument is the digest of a candidate or the beginning of one, rather than a directory. */
export const isCandidate = (text: string): boolean => /^[0-9a-f]{8,64}$/.test(text);

/** Fetches, checks, shows, signs and registers a candidate. */
export async function signCandidate(context: Context, wanted: string): Promise<number> {
  const { connect, flags, profile, terminal, world } = context;
  const lossMax = lossMaxOf(flags.text('max-loss'));
  const dataFile = flags.text('data');
  const examples = dataFile === undefined ? [] : await readLabelledFile(dataFile);
  const key = await profile.readKey();
  const client = await connect();
  const candidate = await client.call('candidate', { params: { digest: await digestOf(client, wanted) } });
  const directory = join(profile.directory, 'candidates', candidate.digest);
  await fetchBundle(client, terminal, { digest: candidate.digest, directory });
  const parent = await fetchParent(context, client, { candidate, key });
  const { compareBundles, inspectBundle } = await import('@nanofleet/runtime/node');
  const checked = await inspectBundle(directory);
  const compared = await compareBundles({
    parent,
    candidate: checked,
    examples,
    breathe: () => world.sleep(0),
  });
  if (!terminal.json) show(terminal, { compared, checked, parent });
  if (dataFile === undefined)
    terminal.note(
      'Not judged: give --data FILE with texts that only you have, to compare it with its parent.',
    );
  const loss = lossOf(compared);
  if (loss > lossMax && !flags.isOn('force')) throw regressed(loss, lossMax);
  if (compared.bound?.isBroken === true && !flags.isOn('force')) throw brokenBound(compared.bound);
  const { digest, manifest } = await signBundleDirectory(directory, key);
  const model = await register(client, directory);
  const bytes = await readFile(join(directory, MANIFEST_FILE));
  await listRelease(context, client, modelTarget(manifest, bytes));
  const { line, releaseCounter, version } = manifest;
  if (terminal.json)
    terminal.document({
      ...{ directory, digest, line, version, releaseCounter },
      keyId: key.fingerprint,
      compared,
      model,
    });
  else terminal.line(`Signed ${line} ${version} (release ${releaseCounter}): ${digest}`);
  terminal.note(`Next: nanofleet models push ${directory} --all`);
  return 0;
}

function lossMaxOf(text: string | undefined): number {
  const points = text === undefined ? LOSS_MAX_POINTS : Number(text);
  if (Number.isFinite(points) && points >= 0) return points;
  throw new UsageError(`--max-loss takes points of accuracy, such as 1.5, not ${text}.`);
}

async function digestOf(client: Client, wanted: string): Promise<Digest> {
  const { items } = await client.call('candidates');
  const fitting = items.filter(({ digest }) => digest.startsWith(wanted));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only.digest;
  throw new NanofleetError(
    'CANDIDATE_UNKNOWN',
    `${fitting.length} candidates have a digest that begins with ${wanted}.`,
  );
}

/** Puts a bundle into a directory; what is not of the digest that names it is never written. */
async function fetchBundle(
  client: Client,
  terminal: Terminal,
  { digest, directory }: { digest: Digest; directory: string },
): Promise<void> {
  const manifestBytes = await fetchBlob(client, digest);
  const { files } = parseManifest(manifestBytes);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const bar = terminal.bar('Fetching');
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const { bytes, name, sha256 } of files) {
    await writeFile(join(directory, name), await fetchBlob(client, sha256));
    done += bytes;
    bar.update(done, total);
  }
  await writeFile(join(directory, MANIFEST_FILE), manifestBytes);
  bar.end(`Fetched ${shortDigest(digest)}, ${bytesText(total)}.`);
}

/**
 * The parent. This publisher must have signed it, unless --force: a candidate is judged beside nothing that a controller
 * made up.
 */
async function fetchParent(
  { flags, profile, terminal }: Context,
  client: Client,
  { candidate, key }: { candidate: CandidateDetail; key: SigningKey },
): Promise<CheckedBundle> {
  const digest = candidate.parent;
  const directory = join(profile.directory, 'candidates', digest);
  await fetchBundle(client, terminal, { digest, directory });
  const { signature } = await client.call('model', { params: { digest } });
  await writeFile(join(directory, SIGNATURE_FILE), signature);
  const { inspectBundle, verifyBundle } = await import('@nanofleet/runtime/node');
  const publisherFingerprints = [key.fingerprint];
  return flags.isOn('force') ? inspectBundle(directory) : verifyBundle(directory, { publisherFingerprints });
}

const register = async (client: Client, directory: string) => {
  const manifest = (await readFile(join(directory, MANIFEST_FILE))).toString('base64');
  const signature = await readFile(join(directory, SIGNATURE_FILE), 'utf8');
  return client.call('addModel', { body: { manifest, signature } });
};

/** Points of accuracy lost on labels that the parent has; 0 without data. */
function lossOf({ accuracy }: Comparison): number {
  const [before, after] = [accuracy?.before.old ?? null, accuracy?.after.old ?? null];
  return before === null || after === null ? 0 : (before - after) * 100;
}

const regressed = (loss: number, lossMax: number) =>
  new NanofleetError(
    'CANDIDATE_REGRESSED',
    `On your data the candidate loses ${loss.toFixed(1)} points on intents that its parent has; ${lossMax} are allowed. It is not signed. Accept it with --force, or another bound with --max-loss.`,
    { facts: { loss, lossMax } },
  );

const brokenBound = ({ wrongKept, outOfScopeKept }: BoundCheck) =>
  new NanofleetError(
    'CANDIDATE_BOUND_BROKEN',
    `The candidate states a bound that your data contradicts: ${wrongKept.hits} of ${wrongKept.count} answers that it is sure of are wrong, ${outOfScopeKept.hits} of ${outOfScopeKept.count} texts out of scope are kept. It is not signed. Look whether the controller's examples are of the same kind, or accept it with --force.`,
    { facts: { ...wrongKept, outOfScope: outOfScopeKept.count, outOfScopeKept: outOfScopeKept.hits } },
  );

/** What the publisher's own texts say of the bound that a candidate states: the controller's word counts for nothing. */
const checkText = (compared: Comparison): string =>
  compared.bound === null
    ? ''
    : `; on your data ${compared.bound.wrongKept.hits} of ${compared.bound.wrongKept.count} wrong, ${compared.bound.outOfScopeKept.hits} of ${compared.bound.outOfScopeKept.count} kept`;

interface Shown {
  readonly compared: Comparison;
  readonly checked: CheckedBundle;
  readonly parent: CheckedBundle;
}

function show(terminal: Terminal, { checked, compared, parent }: Shown): void {
  const fact = (name: string, value: string) =>
    terminal.line(`${terminal.paint(name.padEnd(12), 'dim')}${value}`);
  const bytes = ({ manifest }: CheckedBundle) => manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  fact('candidate', `${checked.manifest.line} ${checked.manifest.version} ${shortDigest(checked.digest)}`);
  fact(
    'parent',
    `${parent.manifest.version} ${shortDigest(parent.digest)}${parent.signedBy === null ? '' : ', signed with your key'}`,
  );
  fact('golden', 'both bundles reproduce their golden vectors here');
  fact('labels', compared.added.length === 0 ? 'the same' : `new: ${compared.added.join(', ')}`);
  fact('codes', `${shareText(compared.changedShare)} of the parent's head codes changed`);
  fact('size', `${bytesText(bytes(parent))} → ${bytesText(bytes(checked))}`);
  fact(
    'thresholds',
    `sure from ${thresholdText(parent)} → ${thresholdText(checked)} (median), out of scope from ${parent.manifest.thresholds.outOfScope.toFixed(2)} → ${checked.manifest.thresholds.outOfScope.toFixed(2)}`,
  );
  fact('bound', `${boundText(parent)} → ${boundText(checked)}${checkText(compared)}`);
  if (compared.leftOut > 0) fact('left out', `${compared.leftOut} texts of intents that it does not have`);
  if (compared.accuracy === null) return;
  fact('accuracy', 'on your data');
  for (const text of accuracyLines(terminal, compared.accuracy)) terminal.line(text);
  for (const { after, before, label, texts } of compared.labels.slice(0, LABELS_SHOWN)) {
    if (after < before) fact('', `${label}: ${shareText(before)} → ${shareText(after)} of ${texts}`);
  }
}

/** What the thresholds were certified to keep; a candidate's are where the operator's examples are enough to show it. */
function boundText({ manifest }: CheckedBundle): string {
  const { bound } = manifest.thresholds;
  return bound === undefined
    ? 'none promised'
    : `at most ${shareText(bound.wrongKept)} wrong, ${shareText(bound.outOfScopeKept)} of out of scope kept`;
}

function thresholdText({ manifest }: CheckedBundle): string {
  const sorted = manifest.thresholds.confidence.toSorted((left, right) => left - right);
  return (sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(2);
}
