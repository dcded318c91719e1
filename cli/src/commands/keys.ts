/** `keys`: the publisher's key pair of this profile. The private half never leaves its file. */
import { generateSigningKey, writeSigningKey } from '@nanofleet/protocol/node';
import type { Command, Context } from '../command.ts';
import { writePrivately } from '../profile.ts';

async function make({ profile, terminal }: Context): Promise<number> {
  await profile.prepare();
  const key = generateSigningKey();
  await writeSigningKey(profile.keyFile, key);
  await writePrivately(profile.publicKeyFile, `${Buffer.from(key.publicKey).toString('base64')}\n`);
  const { fingerprint } = key;
  const { keyFile, publicKeyFile } = profile;
  if (terminal.json) terminal.document({ fingerprint, keyFile, publicKeyFile });
  else {
    terminal.line(`Publisher key ${fingerprint}`);
    terminal.note(
      `Private, never to be copied: ${keyFile}\nFor the controller: --publisher-key ${publicKeyFile}`,
    );
  }
  return 0;
}

async function list({ profile, terminal }: Context): Promise<number> {
  const { fingerprint } = await profile.readKey();
  const { keyFile, publicKeyFile } = profile;
  if (terminal.json) terminal.document([{ fingerprint, keyFile, publicKeyFile }]);
  else terminal.line(`${fingerprint}  ${keyFile}`);
  return 0;
}

/** `keys new|ls`. */
export const KEYS: readonly Command[] = [
  {
    words: ['keys', 'new'],
    usage: 'keys new',
    summary: 'Make the key that signs models',
    arguments: [0, 0],
    run: make,
  },
  {
    words: ['keys', 'ls'],
    usage: 'keys ls',
    summary: 'Its fingerprint and files',
    arguments: [0, 0],
    run: list,
  },
];
