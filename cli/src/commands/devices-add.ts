/**
 * `devices add`: prints the one line that makes a machine a device of the fleet. The line compares the script with its
 * SHA-256 before it runs it, the script does so with its package, and the token pins the keys of controller, authority
 * and publisher: nothing that comes over the network is believed for where it came from.
 */
import { deviceIdSchema, parseId } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { tokenFor } from '../fleet-token.ts';
import { rootToPin } from '../trust/pinned-root.ts';
import { secondsOf, timeText } from '../units.ts';

/** The line is for now: a token that was left in a history is of no use later. */
const DEFAULT_VALIDITY = '1h';

/** What is in the line. */
interface InstallLine {
  readonly url: string;
  readonly sha256: string;
  readonly token: string;
  readonly name: string;
  /** Below this directory, as the present user; undefined: for the whole machine, as root. */
  readonly into?: string | undefined;
}

/** A word of a shell, whatever is in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * For sh, dash, bash, zsh and busybox. No file lies between comparing and running, and the token goes through a pipe from
 * a builtin: no list of processes shows it, and neither does the address.
 */
const installLine = ({ url, sha256, token, name, into }: InstallLine): string => {
  const address = quoted(url);
  const place = into === undefined ? '' : ` --into ${quoted(into)}`;
  const root = into === undefined ? '$(command -v sudo) ' : '';
  return [
    `s=$(curl -fsSk ${address} || wget -qO- --no-check-certificate ${address})`,
    `{ [ "$(printf %s "$s" | sha256sum)" = '${sha256}  -' ] || { echo 'nanofleet: this is not the script of the line' >&2; false; }; }`,
    `printf '%s\\n' ${quoted(token)} | ${root}sh -c "$s" install.sh --name ${quoted(name)}${place}`,
  ].join(' && ');
};

async function add({ args, connect, flags, profile, terminal }: Context): Promise<number> {
  const name = parseId(deviceIdSchema, args[0] ?? '');
  const group = flags.text('group');
  if (group === undefined) throw new UsageError('Give --group, the group that the device joins.');
  const validForS = secondsOf(flags.text('valid-for') ?? DEFAULT_VALIDITY);
  if (validForS === undefined) throw new UsageError('--valid-for is a number with s, m, h or d, as in 2h.');
  const key = await profile.readKey();
  const client = await connect();
  // Before a token is made: without packages it would be of no use.
  const { url, sha256, packages } = await client.call('installer');
  const root = await rootToPin(client, { key, profile, terminal });
  const who = await client.call('whoami');
  const made = await client.call('makeFleetToken', { body: { name, group, uses: 1, validForS } });
  const pinned = { publisher: key.fingerprint, root };
  const token = tokenFor(who, { ...pinned, made, isSystemTrusted: flags.isOn('system-trust') });
  const line = installLine({ url, sha256, token, name, into: flags.text('into') });
  if (terminal.json) terminal.document({ device: name, group, expiresAt: made.expiresAt, line });
  else {
    const sizes = packages.map(
      ({ platform, form, bytes }) => `${platform} by ${form} ${(bytes / 1e6).toFixed(0)} MB`,
    );
    terminal.note(`For one device, until ${timeText(made.expiresAt)}. On the device (${sizes.join(', ')}):`);
    terminal.line(line);
  }
  return 0;
}

/** `devices add NAME`. */
export const DEVICES_ADD: Command = {
  words: ['devices', 'add'],
  usage: 'devices add NAME --group GROUP [--valid-for 1h] [--into DIR] [--system-trust]',
  summary: 'Print the line that installs the agent on a device',
  arguments: [1, 1],
  options: {
    group: { type: 'string' },
    'valid-for': { type: 'string' },
    into: { type: 'string' },
    'system-trust': { type: 'boolean' },
  },
  run: add,
};
