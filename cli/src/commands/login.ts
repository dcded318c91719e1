/** `login`: keeps where a controller is and the token for it, after the controller has accepted both. */
import { readFile } from 'node:fs/promises';
import { digestSchema, NanofleetError, parseId } from '@nanofleet/protocol';
import { parseCertificate } from '@nanofleet/protocol/node';
import { findAuthority } from '@nanofleet/runtime/tls';
import { Client, checkedUrl } from '../client.ts';
import { type Command, type Context, UsageError } from '../command.ts';
import { readPrivately } from '../profile.ts';

async function login({ args, flags, profile, terminal, world }: Context): Promise<number> {
  const file = flags.text('token-file');
  if (file === undefined) throw new UsageError('The token is read from a file: give --token-file FILE.');
  const token = (await readPrivately(file))?.trim();
  if (token === undefined || token === '') {
    throw new NanofleetError('KEY_FILE_INVALID', `The token file ${file} is missing or empty.`);
  }
  const url = checkedUrl(args[0] ?? '');
  const authority = await authorityOf(url, { file: flags.text('ca'), digest: flags.text('authority') });
  const who = await new Client(world, { url, token, authority }).call('whoami');
  await profile.writeLogin({ url, token, authority });
  if (terminal.json) terminal.document({ url, ...who });
  else terminal.line(`Logged in to fleet ${who.fleet} at ${url} as ${who.name} (${who.role}).`);
  return 0;
}

/** Whom the profile believes from now on: a certificate in a file, or the one with a digest that the controller has printed. */
async function authorityOf(
  url: string,
  { digest, file }: { digest: string | undefined; file: string | undefined },
): Promise<string | undefined> {
  if (digest !== undefined) return findAuthority(url, parseId(digestSchema, digest));
  if (file === undefined) return undefined;
  const pem = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new NanofleetError('KEY_FILE_INVALID', `The certificate ${file} cannot be read.`, { cause });
  });
  return parseCertificate(pem).toString();
}

/** `login URL --token-file F`. */
export const LOGIN: Command = {
  words: ['login'],
  usage: 'login URL --token-file FILE [--ca FILE | --authority DIGEST]',
  summary: 'Keep a controller and a token for it in the profile',
  arguments: [1, 1],
  options: { 'token-file': { type: 'string' }, ca: { type: 'string' }, authority: { type: 'string' } },
  run: login,
};
