/**
 * A controller whose key, database and lines are a thief's: the real one, with a relay before its HTTP that answers what it is told for
 * some blobs, and one before its broker that slips in desired states signed by the controller's own key. A device that once did not get
 * through HTTP asks over MQTT, and is told the same lies. Holds no publisher's key.
 */
import { createServer as createHttpServer, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { ServedBlobs } from '@nanofleet/controller/testing';
import { DEVICE_PATHS, type DesiredState, type DeviceId, encodeMessage, topicOf } from '@nanofleet/protocol';
import { readSigningKey, type SigningKey, signBytes } from '@nanofleet/protocol/node';
import { vi } from 'vitest';
import { atEnd } from '../../endings.ts';
import { type ControllerOptions, startTestController, type TestController } from './controller.ts';
import { FLEET } from './operator.ts';

const HOST = '127.0.0.1';
const PUBLISH_AT_MOST_ONCE = 0x30;
const PIECE = Buffer.alloc(65_536, 0x20);

/** What a blob is instead: other bytes, or bytes without end. */
export type Lie = Uint8Array | 'endless';

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  atEnd(() => void server.close());
  return (server.address() as AddressInfo).port;
};

const withoutEnd = (answer: ServerResponse): void => {
  answer.writeHead(200, { 'content-type': 'application/octet-stream' });
  const more = (): void => {
    while (!answer.destroyed && answer.write(PIECE)) continue;
  };
  answer.on('drain', more);
  more();
};

/** The piece of a lie that was asked for. */
const piece = (answer: ServerResponse, lie: Uint8Array, range = ''): void => {
  const [, from = 0, to = lie.length - 1] = (/^bytes=(\d+)-(\d+)$/.exec(range) ?? []).map(Number);
  const bytes = lie.subarray(from, to + 1);
  const of = `bytes ${from}-${from + bytes.length - 1}/${lie.length}`;
  answer.writeHead(206, { 'content-length': bytes.length, 'content-range': of }).end(bytes);
};

/** A packet of MQTT 3.1.1, section 3.3. */
const publishPacket = (topic: string, payload: Uint8Array): Buffer => {
  const name = Buffer.from(topic);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(name.length);
  const body = Buffer.concat([size, name, payload]);
  const length: number[] = [];
  for (let left = body.length; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.concat([Buffer.from([PUBLISH_AT_MOST_ONCE, ...length, left]), body]);
    length.push((left % 128) + 128);
  }
};

/** What a desired state says beside the device and the counting. */
export type Order = Partial<Omit<DesiredState, 'device' | 'fleet' | 'lines' | 'version'>> & {
  readonly lines: object;
};

/** The controller of a thief. */
export class LyingController {
  /** By name of the blob. */
  readonly lies = new Map<string, Lie>();
  readonly #broker = { port: 0 };
  readonly #web = { port: 0 };
  readonly #lines = new Set<Socket>();
  #controller: TestController | null = null;
  #key: SigningKey | null = null;
  #version = 1_000;
  #httpPort = 0;

  /** Starts one. */
  static async start(options: ControllerOptions): Promise<LyingController> {
    const liar = new LyingController();
    const [http, mqtt] = await Promise.all([liar.#relayHttp(), liar.#relayMqtt()]);
    const settings = {
      advertisedMqttUrl: `mqtt://${HOST}:${mqtt}`,
      advertisedHttpUrl: `http://${HOST}:${http}`,
    };
    liar.#lieOverMqtt();
    liar.#controller = await startTestController({ ...options, settings });
    liar.#broker.port = liar.honest.running.mqttPort;
    liar.#web.port = liar.honest.running.httpPort;
    liar.#key = await readSigningKey(join(liar.honest.directory, 'controller.key.pem'));
    return liar;
  }

  /** The controller as its operators know it. */
  get honest(): TestController {
    if (this.#controller === null) throw new TypeError('the controller has not been started');
    return this.#controller;
  }

  /** Its key, stolen. */
  get key(): SigningKey {
    if (this.#key === null) throw new TypeError('the controller has not been started');
    return this.#key;
  }

  /** A fleet token that leads devices through the relays. */
  fleetToken(): Promise<string> {
    return this.honest.fleetToken({ change: { url: `http://${HOST}:${this.#httpPort}` } });
  }

  /** Sends a desired state that the stolen key has signed; its version. */
  order(device: DeviceId, { lines, ...said }: Order, change: object = {}): number {
    this.#version += 1;
    const state = {
      ...{ fleet: FLEET, device, version: this.#version, group: 'homes', offload: 'mini', lines },
      ...{ issuedAt: Date.now(), ...said, ...change },
    };
    this.send(device, JSON.stringify(state));
    return state.version;
  }

  /** Sends exactly this text as a desired state, signed. */
  send(device: DeviceId, signed: string): void {
    const { fingerprint: keyId } = this.key;
    const body = { signed, signature: signBytes(this.key, Buffer.from(signed)), keyId };
    const payload = encodeMessage({ kind: 'desired', device, at: 1, body });
    const topic = topicOf({ fleet: FLEET, device, channel: { kind: 'desired' } });
    for (const line of this.#lines) line.write(publishPacket(topic, payload));
  }

  #lieOverMqtt(): void {
    const { lies } = this;
    const honest = Object.getOwnPropertyDescriptor(ServedBlobs.prototype, 'find')
      ?.value as ServedBlobs['find'];
    const find = vi.spyOn(ServedBlobs.prototype, 'find').mockImplementation(function (
      this: ServedBlobs,
      name,
    ) {
      const lie = lies.get(name);
      if (lie === undefined) return honest.call(this, name);
      const bytes = lie === 'endless' ? PIECE : Buffer.from(lie);
      return Promise.resolve({ bytes, size: lie === 'endless' ? Number.MAX_SAFE_INTEGER : bytes.length });
    });
    atEnd(() => find.mockRestore());
  }

  async #relayHttp(): Promise<number> {
    const server = createHttpServer((near, answer) => {
      const { headers, method, url = '/' } = near;
      const lie = url.startsWith(DEVICE_PATHS.blob)
        ? this.lies.get(url.slice(DEVICE_PATHS.blob.length))
        : undefined;
      if (lie === 'endless') return withoutEnd(answer);
      if (lie !== undefined) return piece(answer, lie, headers.range);
      const far = request({ host: HOST, port: this.#web.port, method, path: url, headers }, (response) => {
        answer.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(answer);
      });
      far.on('error', () => answer.destroy());
      near.pipe(far);
    });
    this.#httpPort = await listening(server);
    return this.#httpPort;
  }

  #relayMqtt(): Promise<number> {
    const server = createServer((near) => {
      const far = connect(this.#broker.port, HOST);
      const end = (): void => {
        this.#lines.delete(near);
        near.destroy();
        far.destroy();
      };
      for (const socket of [near, far]) socket.on('error', end).on('close', end);
      this.#lines.add(near);
      near.pipe(far).pipe(near);
    });
    return listening(server);
  }
}
