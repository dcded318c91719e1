/**
 * From what `agent.yaml` says of a broker to how it is connected to: password and certificates out of their files, read
 * anew for each connection. Owns the rule that nothing goes in the clear to another machine unless that is allowed.
 */
import { KEEPALIVE_S, NanofleetError, RECONNECT_LONGEST_MS } from '@nanofleet/protocol';
import type { ConnectOptions, Disk } from '@nanofleet/runtime/ports';
import { checkPrivateUrl } from '../link/private-url.ts';
import type { BrokerConfig } from './broker-config.ts';

/** Text of a file that agent.yaml names. @throws NanofleetError CONFIG_INVALID when it is not there */
export const textOfFile = (disk: Disk, path: string): string => {
  const bytes = disk.read(path);
  if (bytes !== null) return Buffer.from(bytes).toString('utf8');
  throw new NanofleetError('CONFIG_INVALID', `there is no file ${path}`, { facts: { file: path } });
};

/** How to connect. @throws NanofleetError CONFIG_INVALID, URL_NOT_PRIVATE */
export const brokerLogin = (config: BrokerConfig, clientId: string, disk: Disk): ConnectOptions => {
  const { url, username = '', passwordFile, caFile, allowPlain } = config;
  if (!allowPlain) checkPrivateUrl(url);
  return {
    url,
    clientId,
    username,
    password: passwordFile === undefined ? '' : textOfFile(disk, passwordFile).trim(),
    keepaliveS: KEEPALIVE_S,
    connectTimeoutMs: RECONNECT_LONGEST_MS,
    ...(caFile === undefined ? {} : { tls: { ca: [textOfFile(disk, caFile)] } }),
  };
};
