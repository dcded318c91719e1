/**
 * A fleet over TLS for tests: a real controller, the operators' command logged in at it, enrolled directories, and
 * clients that show any certificate. Owns how they are asked, no expectation.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { clientIdOf, type DeviceId, KEEPALIVE_S } from '@nanofleet/protocol';
import { generateSigningKey, writeSigningKey } from '@nanofleet/protocol/node';
import { makeMqttTransport } from '@nanofleet/runtime/mqtt';
import type { TlsIdentity } from '@nanofleet/runtime/ports';
import { mustEnrol } from './agents.ts';
import { scratchDirectory } from './clone.ts';
import { type ControllerOptions, startTestController, type TestController } from './controller.ts';
import { FLEET } from './operator.ts';
import { runNanofleet, type Shown } from './operators-command.ts';

/** What became of a try to come in at a broker. */
export type Entry = 'in' | 'refused' | 'lost';

/** What an enrolled directory holds for TLS. */
export interface EnrolledDevice {
  readonly directory: string;
  readonly tls: Required<TlsIdentity>;
}

/** What TLS of an enrolled directory is made of now. */
export const tlsIn = (directory: string): Required<TlsIdentity> => {
  const kept = JSON.parse(readFileSync(join(directory, 'certificate.json'), 'utf8')) as Record<
    string,
    string
  >;
  const key = readFileSync(join(directory, 'tls.key'), 'utf8');
  return { ca: [kept['authorities'] ?? ''], cert: kept['certificate'] ?? '', key };
};

/** Opens TLS to a port of this machine. */
export const open = (port: number, { ca = [], ...others }: TlsIdentity & { session?: Buffer }): TLSSocket =>
  connect({ host: '127.0.0.1', port, ca: [...ca], ...others });

/** One handshake at a port, with the session that came of it. */
export const handshake = async (
  port: number,
  tls: TlsIdentity,
): Promise<{ socket: TLSSocket; session: Buffer }> => {
  const socket = open(port, tls);
  const [session] = (await once(socket, 'session')) as [Buffer];
  return { socket, session };
};

/** A fleet whose listeners speak TLS. */
export class TlsFleet {
  readonly scratch = scratchDirectory();
  readonly publisher = generateSigningKey();
  readonly profile = join(this.scratch, 'profile');
  #controller: TestController | null = null;

  /** The controller that runs now. */
  get controller(): TestController {
    if (this.#controller === null) throw new TypeError('the fleet has not been started');
    return this.#controller;
  }

  /** Address of its HTTP listener. */
  get address(): string {
    return `https://127.0.0.1:${this.controller.running.httpPort}`;
  }

  /** Starts the controller, also again on the same state. */
  async run(settings: ControllerOptions['settings'] = {}): Promise<void> {
    const isFirst = this.#controller === null;
    this.#controller = await startTestController({
      publisher: this.publisher,
      directory: join(this.scratch, 'controller'),
      settings: { isSecure: true, ...settings },
    });
    if (isFirst) await writeSigningKey(join(this.profile, 'publisher.key'), this.publisher);
  }

  /** Runs the operators' command. */
  nanofleet(...argv: string[]): Promise<Shown> {
    return runNanofleet(argv, { home: this.scratch, profile: this.profile });
  }

  /** Logs the operators' command in. */
  login(...flags: string[]) {
    const tokenFile = join(this.controller.directory, 'admin-token');
    return this.nanofleet('login', this.address, '--token-file', tokenFile, ...flags);
  }

  /** A fleet token as the operators' command makes it. */
  async token(...flags: string[]): Promise<string> {
    return (await this.nanofleet('fleet-tokens', 'new', 'homes', '--group', 'homes', ...flags)).out.trim();
  }

  /** Enrols a device; what its certificate is made of, as TLS takes it. */
  async enrolled(name: string): Promise<EnrolledDevice> {
    const directory = join(this.scratch, name);
    await mustEnrol({ directory, name, token: await this.token() });
    return { directory, tls: tlsIn(directory) };
  }

  /** Tries to come in at the broker. */
  comeIn({ device, tls, port }: { device: string; tls: TlsIdentity; port?: number }): Promise<Entry> {
    return new Promise((resolve) => {
      const connection = makeMqttTransport().connect(
        {
          url: `mqtts://127.0.0.1:${port ?? this.controller.running.mqttPort}`,
          clientId: clientIdOf(FLEET, device as DeviceId),
          password: '',
          keepaliveS: KEEPALIVE_S,
          connectTimeoutMs: 5_000,
          tls,
        },
        {
          opened: () => {
            resolve('in');
            void connection.end({ isOrderly: true });
          },
          received: () => undefined,
          closed: (_reason, { isRefused }) => resolve(isRefused ? 'refused' : 'lost'),
        },
      );
    });
  }

  /** Asks a route for devices; the code of its problem, or the answer. */
  async ask(tls: TlsIdentity & { session?: Buffer }, path: string, body?: object): Promise<unknown> {
    const { ca = [], ...others } = tls;
    const call = request(`${this.address}${path}`, {
      ...{ ca: [...ca], ...others, agent: false, method: body === undefined ? 'GET' : 'POST' },
      headers: { authorization: 'Bearer x:y', 'content-type': 'application/json' },
    });
    call.end(body === undefined ? '' : JSON.stringify(body));
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += String(piece);
    const answer = JSON.parse(text) as { code?: string };
    return answer.code ?? answer;
  }

  /** A figure of the controller for an operator's token, by name and labels as `/metrics` has them; null when it is absent. */
  async figure(name: string, token: string): Promise<number | null> {
    const ca = readFileSync(join(this.controller.directory, 'ca.pem'));
    const headers = { authorization: `Bearer ${token}` };
    const call = request(`${this.address}/metrics`, { ca, agent: false, headers }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += String(piece);
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return line === undefined ? null : Number(line.slice(name.length));
  }
}
