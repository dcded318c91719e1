/**
 * What `doctor` asks of sinks: whether a broker lets this device in, whether somebody listens at a webhook, whether
 * programs are there and may be run. Sends no message and starts no program.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { toNanofleetError } from '@nanofleet/protocol';
import { makeMqttTransport } from '@nanofleet/runtime/mqtt';
import { randomHex } from '@nanofleet/runtime/ports';
import type { BrokerConfig } from '../brokers/broker-config.ts';
import { brokerLogin, textOfFile } from '../brokers/broker-login.ts';
import { checkPrivateUrl } from '../link/private-url.ts';
import { fileDisk } from '../ports/file-disk.ts';
import { makeSystemRandom } from '../ports/system-random.ts';
import type { SinkConfig, SinkOf } from '../sinks/sink-config.ts';
import { type Finding, fine, wrong } from './finding.ts';
import { reaches } from './reach-checks.ts';

const ID_BYTES = 6;
const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Resolves with null when the broker lets this device in, otherwise with why not. */
const signIn = (config: BrokerConfig): Promise<string | null> => {
  const login = brokerLogin(config, `nanofleet-doctor-${randomHex(makeSystemRandom(), ID_BYTES)}`, fileDisk);
  return new Promise((resolve) => {
    const connection = makeMqttTransport().connect(login, {
      opened: () => {
        resolve(null);
        void connection.end({ isOrderly: true });
      },
      received: () => undefined,
      closed: (reason, { isRefused }) =>
        resolve(isRefused ? 'the broker refuses name and password' : (reason ?? 'the connection ended')),
    });
  });
};

const checkBrokerOf = async (check: string, config: BrokerConfig): Promise<Finding> => {
  const why = await signIn(config);
  if (why === null) return fine(check, `${config.url} lets this device in`);
  const todo = 'Look whether the broker runs, and at url, username and passwordFile of this sink.';
  return wrong(check, `${new URL(config.url).host}: ${why}`, todo);
};

const checkWebhook = async (check: string, config: SinkOf<'webhook'>): Promise<Finding> => {
  const { url, allowPlain, secretFile, caFile } = config;
  const { hostname, port, protocol, host } = new URL(url);
  if (!allowPlain) checkPrivateUrl(url);
  if (secretFile !== undefined) textOfFile(fileDisk, secretFile);
  const ca = caFile === undefined ? {} : { ca: [textOfFile(fileDisk, caFile)] };
  const why = await reaches({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (PORTS[protocol] ?? 443) : Number(port),
    tls: protocol === 'https:' ? ca : null,
  });
  if (why === null) return fine(check, `${host} listens; nothing was sent`);
  return wrong(
    check,
    `${host} does not answer: ${why}`,
    'Look whether the server runs, and at url of this sink.',
  );
};

const whyNotRun = (program: string): string | null => {
  try {
    if (!statSync(program, { bigint: true }).isFile()) return `${program} is no file`;
    accessSync(program, constants.X_OK);
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
};

const checkCommands = (check: string, { commands }: SinkOf<'command'>): Finding => {
  const programs = [...new Set(Object.values(commands).map(({ program }) => program))];
  const why = programs.map(whyNotRun).find((found) => found !== null);
  if (why === undefined) return fine(check, programs.join(', '));
  return wrong(check, why, 'Give another program, or let the user of the agent run this one.');
};

const checkOne = (check: string, config: SinkConfig): Promise<Finding> | Finding => {
  switch (config.kind) {
    case 'mqtt':
    case 'home-assistant':
      return checkBrokerOf(check, config);
    case 'webhook':
      return checkWebhook(check, config);
    case 'command':
      return checkCommands(check, config);
  }
};

/** Whether one sink can be reached. */
export const checkSink = async (name: string, config: SinkConfig): Promise<Finding> => {
  const check = `sink ${name}`;
  try {
    return await checkOne(check, config);
  } catch (thrown) {
    return wrong(check, toNanofleetError(thrown).message, 'Mend this sink in agent.yaml.');
  }
};
