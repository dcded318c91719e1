/**
 * The command line of `nanofleet backup` and `nanofleet db`: words and options to one task, with a usage error for what
 * cannot be. Secrets come from files. Never opens a database.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type DeviceId, deviceIdSchema, NanofleetError, parseId } from '@nanofleet/protocol';
import type { Wanted } from '../db/open-database.ts';
import { cacheOf, databaseUrlOf, type Environment, readSecret } from '../ports/environment.ts';
import type { Lock, Opener } from './sealing.ts';
import type { GivenFiles } from './state-files.ts';

/** What `--help` prints. */
export const OPERATE_HELP = `Usage, on the machine of a controller:

  nanofleet backup create FILE   [--dir DIR] (--passphrase-file FILE | --recipient FILE)
  nanofleet backup verify FILE   (--passphrase-file FILE | --key FILE)
  nanofleet backup restore FILE  [--dir DIR] (--passphrase-file FILE | --key FILE) --revoked none|NAME,… [--replace]
  nanofleet backup key FILE      make a key pair: FILE opens, FILE.pub is a recipient
  nanofleet db move              [--dir DIR] --to postgres|embedded

  --dir DIR               state directory (default .nanofleet/controller)
  --passphrase-file FILE  a passphrase of 12 characters or more in its first line
  --recipient FILE        public key of who can open the backup; may repeat, beside a passphrase, too
  --key FILE              private key of a recipient
  --revoked NAMES         devices revoked after the backup was made, or none: they would come back otherwise
  --replace               put the backup in the place of what is there
  --controller-key FILE   where the controller's key is, if not in DIR; likewise --ca-cert FILE, --ca-key FILE
  --json                  print one JSON line

Environment: DATABASE_URL names PostgreSQL, as for the controller; db move needs it in either direction.
`;

const OPTIONS = {
  dir: { type: 'string', default: join('.nanofleet', 'controller') },
  'passphrase-file': { type: 'string' },
  recipient: { type: 'string', multiple: true, default: [] as string[] },
  key: { type: 'string' },
  revoked: { type: 'string' },
  replace: { type: 'boolean', default: false },
  to: { type: 'string' },
  'controller-key': { type: 'string' },
  'ca-cert': { type: 'string' },
  'ca-key': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const PASSPHRASE_CHARACTERS_MIN = 12;

/** What is to be done. */
export type Task =
  | {
      readonly kind: 'create';
      readonly file: string;
      readonly locks: readonly Lock[];
      readonly given: GivenFiles;
    }
  | { readonly kind: 'verify'; readonly file: string; readonly opener: Opener }
  | {
      readonly kind: 'restore';
      readonly file: string;
      readonly opener: Opener;
      readonly revoked: readonly DeviceId[];
      readonly replaces: boolean;
    }
  | { readonly kind: 'key'; readonly file: string }
  | { readonly kind: 'move'; readonly to: 'embedded' | 'postgres' }
  | { readonly kind: 'help' };

/** A task with where it is done. */
export interface OperateCommand {
  readonly task: Task;
  readonly wanted: Wanted;
  readonly wantsJson: boolean;
}

/** SETTING_INVALID with the way to the usage. */
const usage = (why: string) => new NanofleetError('SETTING_INVALID', `${why} See: nanofleet backup --help.`);

/** @throws NanofleetError SETTING_INVALID, KEY_FILE_INVALID, ID_INVALID */
export const readOperateCommand = async (
  args: readonly string[],
  environment: Environment,
): Promise<OperateCommand> => {
  const { positionals, values } = parse(args);
  const directory = resolve(values.dir);
  const wanted = {
    directory,
    databaseUrl: databaseUrlOf(environment),
    databaseSchema: 'public',
    cacheDirectory: cacheOf(environment, directory),
  };
  const task = values.help ? ({ kind: 'help' } as const) : await taskOf(positionals, values);
  if (task.kind === 'move' && wanted.databaseUrl === null) throw usage('db move needs DATABASE_URL.');
  return { task, wanted, wantsJson: values.json };
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : 'The arguments cannot be read.');
  }
};

type Values = ReturnType<typeof parse>['values'];

const taskOf = async (words: readonly string[], values: Values): Promise<Task> => {
  const [area, verb, file] = words;
  if (area === 'db' && verb === 'move') return { kind: 'move', to: sideOf(values.to) };
  if (area !== 'backup' || file === undefined || words.length > 3) {
    throw usage(`There is no command ${JSON.stringify(words.join(' '))}.`);
  }
  const path = resolve(file);
  switch (verb) {
    case 'create':
      return { kind: 'create', file: path, locks: await locksOf(values), given: givenOf(values) };
    case 'verify':
      return { kind: 'verify', file: path, opener: await openerOf(values) };
    case 'restore': {
      const revoked = revokedOf(values.revoked);
      return {
        kind: 'restore',
        file: path,
        opener: await openerOf(values),
        revoked,
        replaces: values.replace,
      };
    }
    case 'key':
      return { kind: 'key', file: path };
    default:
      throw usage(`There is no command ${JSON.stringify(words.join(' '))}.`);
  }
};

const sideOf = (text: string | undefined): 'embedded' | 'postgres' => {
  if (text === 'embedded' || text === 'postgres') return text;
  throw usage('--to must be postgres or embedded.');
};

/** Nobody but the operator knows, and forgetting to say so would let stolen devices in. */
const revokedOf = (text: string | undefined): DeviceId[] => {
  if (text === undefined || text === '') {
    throw usage(
      '--revoked is missing: name the devices that were revoked after the backup was made, or say --revoked none.',
    );
  }
  return text === 'none' ? [] : text.split(',').map((name) => parseId(deviceIdSchema, name.trim()));
};

const givenOf = (values: Values): GivenFiles => {
  const named = {
    'controller.key.pem': values['controller-key'],
    'ca.pem': values['ca-cert'],
    'ca.key.pem': values['ca-key'],
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, path]) => (path === undefined ? [] : [[name, resolve(path)]])),
  );
};

const locksOf = async (values: Values): Promise<Lock[]> => {
  const recipients = await Promise.all(
    values.recipient.map(async (path) => ({ recipient: await publicKeyIn(path) })),
  );
  const file = values['passphrase-file'];
  const locks = file === undefined ? recipients : [{ passphrase: await passphraseIn(file) }, ...recipients];
  if (locks.length > 0) return locks;
  throw usage('A backup holds keys and is never written open: give --passphrase-file or --recipient.');
};

const openerOf = async (values: Values): Promise<Opener> => {
  if (values.key !== undefined) return { privateKey: await privateKeyIn(values.key) };
  if (values['passphrase-file'] !== undefined)
    return { passphrase: await passphraseIn(values['passphrase-file']) };
  throw usage('Give what opens the backup: --passphrase-file or --key.');
};

const passphraseIn = async (path: string): Promise<string> => {
  const [first = ''] = (await readSecret('--passphrase-file', resolve(path))).toString('utf8').split(/\r?\n/);
  if (first.length >= PASSPHRASE_CHARACTERS_MIN) return first;
  throw usage(`The passphrase in ${path} has fewer than ${PASSPHRASE_CHARACTERS_MIN} characters.`);
};

const publicKeyIn = async (path: string): Promise<KeyObject> =>
  ofX25519(path, createPublicKey, await readSecret('--recipient', resolve(path)));

const privateKeyIn = async (path: string): Promise<KeyObject> =>
  ofX25519(path, createPrivateKey, await readSecret('--key', resolve(path)));

const ofX25519 = (path: string, read: (pem: Buffer) => KeyObject, pem: Buffer): KeyObject => {
  try {
    const key = read(pem);
    if (key.asymmetricKeyType === 'x25519') return key;
  } catch {
    // OpenSSL's text would not help: the file is named below.
  }
  throw new NanofleetError('KEY_FILE_INVALID', `${path} holds no key that nanofleet backup key has made.`, {
    facts: { path },
  });
};
