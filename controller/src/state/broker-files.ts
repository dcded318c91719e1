/**
 * What a mosquitto that takes certificates is set up with, below `broker/` of the state directory, and what the controller
 * itself comes in with. Owns these files: made at each start, keys and the controller's own certificates once. Never connects.
 */
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FleetId } from '@nanofleet/protocol';
import { generateTlsKey, readKeyFile, writeKeyFile } from '@nanofleet/protocol/node';
import type { Random, TlsIdentity } from '@nanofleet/runtime/ports';
import { CONTROLLER_NAMES } from '../link/certificate-names.ts';
import type { Authority } from './authority.ts';

const CLIENT_KEY_FILE = 'broker-client.key.pem';

/** What a controller shows at such a broker: as who gives rights, and as who speaks with devices. */
export interface BrokerIdentities {
  readonly rights: TlsIdentity;
  readonly link: TlsIdentity;
}

/** What the files are made of. */
export interface BrokerFilesOptions {
  readonly directory: string;
  readonly fleet: FleetId;
  readonly authority: Authority;
  /** Host names and addresses of the broker. */
  readonly names: readonly string[];
  readonly random: Random;
}

const provideKey = async (path: string): Promise<KeyObject> => {
  if (!existsSync(path)) await writeKeyFile(path, generateTlsKey());
  return readKeyFile(path, 'ec');
};

/** The broker knows these very certificates: another one of the same key would be a stranger. */
const kept = async (path: string, make: () => Promise<string>): Promise<string> => {
  if (!existsSync(path)) await writeFile(path, await make());
  return readFile(path, 'utf8');
};

/**
 * Writes `broker/ca.pem` (who signs devices), `server.pem` and `server.key.pem` (of the broker), `controllers.pem` (whom
 * the controllers' listener lets in: these certificates and no others, for an authority there would let devices in, too).
 * @throws NanofleetError KEY_FILE_INVALID
 */
export const provideBrokerFiles = async (options: BrokerFilesOptions): Promise<BrokerIdentities> => {
  const { authority, directory, fleet, names, random } = options;
  const folder = join(directory, 'broker');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { makeClientCertificate } = await import('./certificates.ts');
  const key = await provideKey(join(directory, CLIENT_KEY_FILE));
  const server = await authority.certifyListener({
    names,
    key: await provideKey(join(folder, 'server.key.pem')),
  });
  const certify = (name: string) => makeClientCertificate(name, { fleet, key, random });
  const rights = await kept(join(directory, 'broker-rights.pem'), () => certify(CONTROLLER_NAMES.rights));
  const link = await kept(join(directory, 'broker-link.pem'), () => certify(CONTROLLER_NAMES.link));
  await writeFile(join(folder, 'ca.pem'), authority.certificate);
  await writeFile(join(folder, 'server.pem'), server);
  await writeFile(join(folder, 'controllers.pem'), `${rights}\n${link}\n`);
  const shown = { ca: [authority.certificate], key: key.export({ format: 'pem', type: 'pkcs8' }).toString() };
  return { rights: { ...shown, cert: rights }, link: { ...shown, cert: link } };
};
