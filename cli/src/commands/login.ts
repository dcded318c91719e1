/** `login`: keeps where a controller is and the token for it, after the controller has accepted both. */
import { NanofleetError } from '@nanofleet/protocol';
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
  const who = await new Client(world, { url, token }).call('whoami');
  await profile.writeLogin({ url, token });
  if (terminal.json) terminal.document({ url, ...who });
  else terminal.line(`Logged in to fleet ${who.fleet} at ${url} as ${who.name} (${who.role}).`);
  return 0;
}

/** `login URL --token-file F`. */
export const LOGIN: Command = {
  words: ['login'],
  usage: 'login URL --token-file FILE',
  summary: 'Keep a controller and a token for it in the profile',
  arguments: [1, 1],
  options: { 'token-file': { type: 'string' } },
  run: login,
};
