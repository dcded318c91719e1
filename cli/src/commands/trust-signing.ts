/** `trust follow|sign|push|withdraw`: what several publishers sign one after the other, and releases that nobody is to take any more. */
import { digestSchema, parseId } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { writePrivately } from '../profile.ts';
import { openTrust } from '../trust/open-trust.ts';
import { alsoSigned, encodeProposal, propose, proposeTargets, readProposal } from '../trust/release.ts';
import { opened, tell } from '../trust/tell-trust.ts';
import { TrustFiles } from '../trust/trust-files.ts';
import { changeLines } from '../trust/trust-text.ts';
import { shortDigest } from '../units.ts';

async function sign({ args, profile, terminal }: Context): Promise<number> {
  const [path = ''] = args;
  const { root, targets } = await readProposal(path);
  const key = await profile.readKey();
  const before = await new TrustFiles(profile, targets.signed.fleet).newest('targets');
  for (const line of changeLines(before, targets)) terminal.note(line);
  if (root !== null)
    terminal.note(
      `root ${root.signed.version}: ${root.signed.roles.root.threshold} of ${root.signed.roles.root.keyids.map(shortDigest).join(', ')}`,
    );
  const signed = { root: root === null ? null : alsoSigned(root, key), targets: alsoSigned(targets, key) };
  await writePrivately(path, encodeProposal(signed));
  const signatures = signed.targets.signatures.length;
  if (terminal.json) terminal.document({ file: path, signatures });
  else terminal.line(`${path} has ${signatures} signatures.`);
  terminal.note(`Next: nanofleet trust push ${path}`);
  return 0;
}

async function push(context: Context): Promise<number> {
  const { client, key, open } = await opened(context);
  const nowMs = context.world.now();
  const [path] = context.args;
  const targets = proposeTargets(open.targets?.signed.targets ?? {}, { key, nowMs, open });
  const proposal = path === undefined ? { root: null, targets } : await readProposal(path);
  tell(context, await propose(client, open, { key, nowMs, proposal }));
  return 0;
}

async function withdraw(context: Context): Promise<number> {
  const [beginning = ''] = context.args;
  const { client, key, open } = await opened(context);
  const nowMs = context.world.now();
  const before = open.targets?.signed.targets ?? {};
  const fitting = Object.entries(before).filter(([, { hashes }]) => hashes.sha256.startsWith(beginning));
  const [only] = fitting;
  if (only === undefined || fitting.length > 1 || beginning.length < 8)
    throw new UsageError(`${fitting.length} releases have a digest that begins with ${beginning}.`);
  const { [only[0]]: _, ...releases } = before;
  const targets = proposeTargets(releases, { key, nowMs, open });
  tell(context, await propose(client, open, { key, nowMs, proposal: { root: null, targets } }));
  context.terminal.note('Devices that run it go on; none takes it any more.');
  return 0;
}

async function follow({ args, connect, profile, terminal }: Context): Promise<number> {
  const beginner = parseId(digestSchema, args[0]);
  const open = await openTrust(await connect(), { key: await profile.readKey(), profile, beginner });
  const version = open?.root.signed.version ?? null;
  if (terminal.json) terminal.document({ root: version });
  else
    terminal.line(
      version === null ? 'This fleet has no release metadata yet.' : `This profile follows root ${version}.`,
    );
  return 0;
}

/** `trust follow|sign|push|withdraw`. */
export const TRUST_SIGNING: readonly Command[] = [
  {
    words: ['trust', 'follow'],
    usage: 'trust follow FINGERPRINT',
    summary: 'Meet a fleet whose metadata another publisher has begun, by the fingerprint of that key',
    arguments: [1, 1],
    run: follow,
  },
  {
    words: ['trust', 'sign'],
    usage: 'trust sign FILE',
    summary: 'Sign what another publisher has prepared, after a look at what it changes',
    arguments: [1, 1],
    run: sign,
  },
  {
    words: ['trust', 'push'],
    usage: 'trust push [FILE]',
    summary: 'Put it in place; without a file: what this profile knows, for a controller that was restored',
    arguments: [0, 1],
    run: push,
  },
  {
    words: ['trust', 'withdraw'],
    usage: 'trust withdraw DIGEST',
    summary: 'List a release no more: no device takes it from now on',
    arguments: [1, 1],
    run: withdraw,
  },
];
