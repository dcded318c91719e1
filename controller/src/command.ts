/**
 * The command line of the controller: arguments and environment to settings, with a usage error for each thing that
 * cannot be. Never starts anything.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DRAIN_MS_MAX, fleetIdSchema, NanofleetError, parseId } from '@nanofleet/protocol';
import { readProvider } from './cloud/provider-settings.ts';
import {
  brokerOf,
  cacheOf,
  databaseUrlOf,
  type Environment,
  isLoopback,
  readSecret,
  settingInvalid,
} from './ports/environment.ts';
import type { AuthorityFiles, Certificate, Settings } from './ports/settings.ts';
import { publisherKeys } from './state/publisher-keys.ts';

/** What `--help` prints. */
export const HELP = `Usage: node controller/dist/main.js --dir DIR [options]

Runs one controller: operator API, enrolment and blobs over HTTP, broker over MQTT, registry, mini tier.

  --dir DIR                state directory; made when missing (default .nanofleet/controller)
  --fleet NAME             name of the fleet, fixed at the first start (default nanofleet)
  --host ADDRESS           address of both listeners (default 127.0.0.1); on any other they speak TLS
  --tls                    speak TLS on this machine's own address, too
  --http PORT              port of HTTP (default 7300; 0 takes a free one)
  --mqtt PORT              port of MQTT (default 7301; 0 takes a free one)
  --ca-cert FILE --ca-key FILE  the fleet's authority, PEM (default: one made in DIR)
  --cert FILE --key FILE   certificate and key of both listeners, PEM (default: one of the fleet's authority)
  --publisher-key FILE     public key whose bundles are accepted, PEM or base64; may repeat; kept for later starts
  --controller-key FILE    the key that all controllers of this fleet have (default: one made in DIR)
  --admin-token-file FILE  where the first admin token is written (default DIR/admin-token)
  --dashboard DIR          folder of the built dashboard (default: the one of this clone)
  --agents DIR             folder of the agent's packages (default: the one of this clone)
  --advertise-mqtt URL     broker address that devices are told at enrolment
  --advertise-http URL     HTTP address that operators are told
  --provider FILE          provider of the cloud tier, JSON: url, model, keyFile, pricePerMillion, budgetPerDay (see README)
  --metrics-token-file FILE  a token of 32 characters or more that opens /metrics and nothing else
  --drain SECONDS          go on serving so long after a signal to end, answering /readyz with 503 (default 0)
  --exit-with-stdin        end when standard input ends
  --json                   print one JSON line when ready
  --help                   print this

Environment:
  DATABASE_URL             postgres://… uses PostgreSQL instead of the embedded database
  MQTT_URL                 mqtts://… (mqtt:// on this machine) uses that broker instead of the embedded one
  MQTT_USERNAME            there: the administrator of mosquitto's dynamic-security plugin
  MQTT_PASSWORD_FILE       file with its password
  MQTT_CA_FILE             PEM of who may sign the broker's certificate, when the system does not know them
  NANOFLEET_BROKER_RIGHTS  certificates: mosquitto knows devices and controllers by their certificates (MQTT_URL is its listener
                           for controllers, --advertise-mqtt the one for devices; DIR/broker holds what it is set up with);
                           external: another broker, where devices get their topics by other means
  NANOFLEET_CACHE          where snapshots of empty databases are kept
`;

const DEFAULT_HTTP_PORT = 7_300;
const DEFAULT_MQTT_PORT = 7_301;
const PORT_MAX = 65_535;
/** Where `pnpm build` puts the dashboard. */
const SITE = fileURLToPath(new URL('../../dashboard/dist/site', import.meta.url));
/** Where `pnpm package:agent` puts packages. */
const AGENTS = fileURLToPath(new URL('../../agent/dist/packages', import.meta.url));

const OPTIONS = {
  dir: { type: 'string', default: join('.nanofleet', 'controller') },
  fleet: { type: 'string', default: 'nanofleet' },
  host: { type: 'string', default: '127.0.0.1' },
  http: { type: 'string' },
  mqtt: { type: 'string' },
  tls: { type: 'boolean', default: false },
  'ca-cert': { type: 'string' },
  'ca-key': { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  'publisher-key': { type: 'string', multiple: true, default: [] as string[] },
  'controller-key': { type: 'string' },
  'admin-token-file': { type: 'string' },
  dashboard: { type: 'string' },
  agents: { type: 'string' },
  'advertise-mqtt': { type: 'string' },
  'advertise-http': { type: 'string' },
  provider: { type: 'string' },
  'metrics-token-file': { type: 'string' },
  drain: { type: 'string', default: '0' },
  'exit-with-stdin': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** What was asked for. */
export interface Command {
  readonly wantsHelp: boolean;
  readonly wantsJson: boolean;
  readonly endsWithStdin: boolean;
  /** How long it serves on after a signal, milliseconds. */
  readonly drainMs: number;
  readonly settings: () => Promise<Settings>;
}

/**
 * Reads a command line.
 * @throws NanofleetError SETTING_INVALID; `settings` also KEY_FILE_INVALID, ID_INVALID
 */
export const readCommand = (args: readonly string[], environment: Environment): Command => {
  const values = parse(args);
  return {
    wantsHelp: values.help,
    wantsJson: values.json,
    endsWithStdin: values['exit-with-stdin'],
    drainMs: drainOf(values.drain),
    settings: () => settingsOf(values, environment),
  };
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values;
  } catch (cause) {
    throw settingInvalid(cause instanceof Error ? cause.message : 'The arguments cannot be read.', cause);
  }
};

type Values = ReturnType<typeof parse>;

const settingsOf = async (values: Values, environment: Environment): Promise<Settings> => {
  const directory = resolve(values.dir);
  const certificate = await readCertificate(values);
  const broker = await brokerOf(environment);
  if (broker?.rights === 'certificates' && values['advertise-mqtt'] === undefined)
    throw settingInvalid(
      'NANOFLEET_BROKER_RIGHTS=certificates needs --advertise-mqtt, the listener for devices.',
    );
  return {
    directory,
    fleet: parseId(fleetIdSchema, values.fleet),
    host: values.host,
    httpPort: portOf('--http', values.http, DEFAULT_HTTP_PORT),
    mqttPort: portOf('--mqtt', values.mqtt, DEFAULT_MQTT_PORT),
    certificate,
    isSecure: values.tls || certificate !== null || !isLoopback(values.host),
    authority: authorityOf(values),
    broker,
    publisherKeys: await publisherKeys(directory, values['publisher-key']),
    controllerKeyFile: values['controller-key'] === undefined ? null : resolve(values['controller-key']),
    adminTokenFile: resolve(values['admin-token-file'] ?? join(directory, 'admin-token')),
    databaseUrl: databaseUrlOf(environment),
    databaseSchema: 'public',
    cacheDirectory: cacheOf(environment, directory),
    siteDirectory: values.dashboard === undefined ? SITE : resolve(values.dashboard),
    agentsDirectory: values.agents === undefined ? AGENTS : resolve(values.agents),
    advertisedMqttUrl: urlOf('--advertise-mqtt', values['advertise-mqtt'], ['mqtt:', 'mqtts:']),
    advertisedHttpUrl: urlOf('--advertise-http', values['advertise-http'], ['http:', 'https:']),
    provider: values.provider === undefined ? null : await readProvider(resolve(values.provider)),
    scrapeToken: await scrapeTokenOf(values['metrics-token-file']),
  };
};

const authorityOf = (values: Values): AuthorityFiles | null => {
  const { 'ca-cert': certificate, 'ca-key': key } = values;
  if (certificate === undefined && key === undefined) return null;
  if (certificate === undefined || key === undefined)
    throw settingInvalid('--ca-cert and --ca-key belong together.');
  return { certificateFile: resolve(certificate), keyFile: resolve(key) };
};

const readCertificate = async ({ cert, key }: Values): Promise<Certificate | null> => {
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined) throw settingInvalid('--cert and --key belong together.');
  const read = (path: string) =>
    readFile(path).catch((cause: unknown) => {
      throw new NanofleetError('KEY_FILE_INVALID', `${path} cannot be read.`, { cause, facts: { path } });
    });
  return { cert: await read(cert), key: await read(key) };
};

const drainOf = (text: string): number => {
  const milliseconds = /^\d{1,3}$/.test(text) ? Number(text) * 1_000 : Number.NaN;
  if (milliseconds <= DRAIN_MS_MAX) return milliseconds;
  throw settingInvalid(
    `--drain ${JSON.stringify(text)} is no number of seconds up to ${DRAIN_MS_MAX / 1_000}.`,
  );
};

const scrapeTokenOf = async (file: string | undefined): Promise<string | null> => {
  if (file === undefined) return null;
  const token = (await readSecret('--metrics-token-file', resolve(file))).toString('utf8').trim();
  if (/^[\x21-\x7e]{32,512}$/.test(token)) return token;
  throw settingInvalid(`The token in ${file} must have 32 to 512 printable characters and no spaces.`);
};

const portOf = (name: string, text: string | undefined, otherwise: number): number => {
  if (text === undefined) return otherwise;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= PORT_MAX) return port;
  throw settingInvalid(`${name} ${JSON.stringify(text)} is no port.`);
};

const urlOf = (name: string, text: string | undefined, schemes: readonly string[]): string | null => {
  if (text === undefined) return null;
  if (URL.canParse(text) && schemes.includes(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw settingInvalid(`${name} ${JSON.stringify(text)} is no URL with ${schemes.join(' or ')}.`);
};
