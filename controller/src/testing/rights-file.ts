/**
 * The file in which mosquitto's dynamic-security plugin keeps its rights, as the plugin of 2.0 reads it when it starts. Only
 * tests and benchmarks import this.
 */
import { pbkdf2Sync } from 'node:crypto';
import type { RightsCommand } from '../link/rights.plan.ts';
import { systemRandom } from '../ports/random.ts';

/** What mosquitto 2.0 itself uses (mosquitto_ctrl dynsec init). */
const HASH = { iterations: 101, bytes: 64, digest: 'sha512', saltBytes: 12 } as const;

const hashed = (password: string) => {
  const salt = Buffer.from(systemRandom.bytes(HASH.saltBytes));
  const hash = pbkdf2Sync(password, salt, HASH.iterations, HASH.bytes, HASH.digest);
  const { iterations } = HASH;
  return { password: hash.toString('base64'), salt: salt.toString('base64'), iterations };
};

const bodiesOf = (commands: readonly RightsCommand[], wanted: string): object[] =>
  commands.filter(({ command }) => command === wanted).map(({ command: _command, ...body }) => body);

/** What `mosquitto_ctrl dynsec init` writes, one administrator of the rights; and what commands would make after it. */
export const rightsFile = (
  administrator: { username: string; password: string },
  commands: readonly RightsCommand[],
): string => {
  const acls = ['publishClientSend', 'publishClientReceive', 'subscribePattern'].map((acltype) => ({
    ...{ acltype, topic: '$CONTROL/dynamic-security/#', allow: true },
  }));
  const { username, password } = administrator;
  const clients = bodiesOf(commands, 'createClient').map((client) =>
    'password' in client ? { ...client, ...hashed(String(client.password)) } : client,
  );
  return JSON.stringify({
    defaultACLAccess: {
      ...{ publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true },
    },
    clients: [{ username, ...hashed(password), roles: [{ rolename: 'admin' }] }, ...clients],
    roles: [{ rolename: 'admin', acls }, ...bodiesOf(commands, 'createRole')],
  });
};
