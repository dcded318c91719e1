/**
 * What a controller is told by environment variables about broker and database. Secrets come from files, never from a variable or
 * an argument, which other users of the machine could see. Never reads the environment itself: main.ts gives it.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import type { BrokerSettings } from './settings.ts';

/** What of the environment counts. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** SETTING_INVALID that points to the help. */
export const settingInvalid = (why: string, cause?: unknown) =>
  new NanofleetError('SETTING_INVALID', `${why} See --help.`, { cause });

/** Whether only this machine reaches an address. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));

/**
 * The broker that the environment names; null for the embedded one.
 * @throws NanofleetError SETTING_INVALID, URL_NOT_PRIVATE, KEY_FILE_INVALID
 */
export const brokerOf = async (environment: Environment): Promise<BrokerSettings | null> => {
  const { MQTT_URL: url = '', MQTT_CA_FILE: caFile = '', NANOFLEET_BROKER_RIGHTS: rights = '' } = environment;
  if (url === '') return null;
  requirePrivate(url);
  if (!isRights(rights)) {
    const problem = `NANOFLEET_BROKER_RIGHTS is ${JSON.stringify(rights)}; it can only be "external" or "certificates".`;
    throw settingInvalid(problem);
  }
  const ca = caFile === '' ? null : (await readSecret('MQTT_CA_FILE', caFile)).toString('utf8');
  const given = { url: url.replace(/\/+$/, ''), ca };
  if (rights !== 'certificates')
    return { ...given, ...(await loginOf(environment)), rights: rights || 'mosquitto' };
  if (!url.startsWith('mqtts:'))
    throw settingInvalid('NANOFLEET_BROKER_RIGHTS=certificates needs an MQTT_URL with mqtts://.');
  return { ...given, username: '', password: '', rights };
};

const isRights = (text: string): text is '' | 'external' | 'certificates' =>
  ['', 'external', 'certificates'].includes(text);

const requirePrivate = (text: string): void => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['mqtt:', 'mqtts:'].includes(url.protocol) || url.hostname === '') {
    throw settingInvalid('MQTT_URL must begin with mqtt:// or mqtts:// and name a host.');
  }
  if (url.username !== '' || url.password !== '') {
    throw settingInvalid(
      'MQTT_URL must hold no credential: name it with MQTT_USERNAME and MQTT_PASSWORD_FILE.',
    );
  }
  if (url.protocol === 'mqtts:' || isLoopback(url.hostname)) return;
  const problem = `MQTT_URL leads to ${url.hostname} without encryption; use mqtts:// there.`;
  throw new NanofleetError('URL_NOT_PRIVATE', problem, { facts: { host: url.hostname } });
};

const loginOf = async ({ MQTT_PASSWORD_FILE: file = '', MQTT_USERNAME: username = '' }: Environment) => {
  if (username === '' || file === '') {
    throw settingInvalid('MQTT_URL needs MQTT_USERNAME and MQTT_PASSWORD_FILE beside it.');
  }
  const password = (await readSecret('MQTT_PASSWORD_FILE', file)).toString('utf8').trim();
  if (password === '') throw settingInvalid(`The file ${file} of MQTT_PASSWORD_FILE is empty.`);
  return { username, password };
};

/** Bytes of a file that holds a secret; @throws NanofleetError KEY_FILE_INVALID */
export const readSecret = (name: string, path: string): Promise<Buffer> =>
  readFile(path).catch((cause: unknown) => {
    const problem = `The file ${path} of ${name} cannot be read.`;
    throw new NanofleetError('KEY_FILE_INVALID', problem, { cause, facts: { path } });
  });

/** Address of PostgreSQL; null for the embedded database. @throws NanofleetError SETTING_INVALID */
export const databaseUrlOf = (environment: Environment): string | null => {
  const { DATABASE_URL: url = '' } = environment;
  if (url === '') return null;
  if (/^postgres(ql)?:\/\//.test(url)) return url;
  throw settingInvalid('DATABASE_URL must begin with postgres://.');
};

/** Where snapshots of empty embedded databases are kept. */
export const cacheOf = (environment: Environment, directory: string): string => {
  const { HOME: home, NANOFLEET_CACHE: own, XDG_CACHE_HOME: cache } = environment;
  if (own !== undefined && own !== '') return resolve(own);
  if (cache !== undefined && cache !== '') return join(cache, 'nanofleet');
  return home === undefined ? join(directory, 'cache') : join(home, '.cache', 'nanofleet');
};
