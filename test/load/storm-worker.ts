// A process of storm devices: enrols its share, connects them, does what its parent says over IPC and tells how it stands.
import { Agent as HttpsAgent, request } from 'node:https';
import { tlsRequestOf } from '@nanofleet/agent';
import { systemRandom } from '@nanofleet/controller';
import { DEVICE_PATHS, enrolAnswerSchema, enrolmentSchema, NanofleetError } from '@nanofleet/protocol';
import { generateSigningKey, generateTlsKey, signBytes } from '@nanofleet/protocol/node';
import { z } from 'zod';
import { each } from './each.ts';
import { shakeHands } from './handshakes.ts';
import { StormDevice, type StormIdentity } from './storm-device.ts';

const ENROLLED_AT_ONCE = 4;
const TICK_MS = 5_000;

const orderSchema = z.discriminatedUnion('order', [
  z.object({
    order: z.literal('enrol'),
    names: z.array(z.string()),
    authority: z.string(),
    token: z.object({ tokenId: z.string(), secret: z.string(), publisher: z.string() }),
    ports: z.object({ http: z.int(), mqtt: z.int() }),
  }),
  z.object({ order: z.literal('connect'), withinMs: z.number() }),
  z.object({ order: z.literal('event'), each: z.int() }),
  z.object({
    order: z.literal('handshakes'),
    kind: z.enum(['full', 'resumed']),
    count: z.int(),
    port: z.int(),
  }),
  z.object({ order: z.literal('tell') }),
]);
type Order = z.infer<typeof orderSchema>;
type Enrol = Extract<Order, { order: 'enrol' }>;

/** How the devices of a worker stand. */
export const standingSchema = z.object({
  devices: z.int(),
  connected: z.int(),
  waiting: z.int(),
  /** Of the desired states that all devices have, summed up. */
  versions: z.int(),
  appliedTwice: z.int(),
  cpuSeconds: z.number(),
  rssBytes: z.int(),
  /** Of the handshakes that were asked for, the resumed ones. */
  resumed: z.int(),
});
export type Standing = z.infer<typeof standingSchema>;

const devices: StormDevice[] = [];
/** Of one device, for what needs no device. */
let aCertificate: StormIdentity['tls'] | undefined;
let resumed = 0;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function post(path: string, body: object, { agent, port }: { agent: HttpsAgent; port: number }) {
  return new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const call = request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve(text));
    });
    call.on('error', reject);
    call.end(JSON.stringify(body));
  });
}

async function enrolOne(device: string, given: Enrol, agent: HttpsAgent): Promise<StormIdentity> {
  const { authority, ports, token } = given;
  const keys = { device: generateSigningKey(), tls: generateTlsKey() };
  const nonce = base64(systemRandom.bytes(32));
  const proof = signBytes(keys.device, Buffer.from(nonce, 'base64'));
  const { secret, tokenId } = token;
  const publicKey = base64(keys.device.publicKey);
  const body = { tokenId, secret, device, publicKey, nonce, proof, tls: tlsRequestOf(keys, nonce) };
  const answer = await post(DEVICE_PATHS.enrol, body, { agent, port: ports.http });
  const enrolled = enrolAnswerSchema.safeParse(JSON.parse(answer));
  if (!enrolled.success) throw new NanofleetError('DEVICE_NOT_ENROLLED', answer.slice(0, 300));
  const { controllerKey, credential, fleet, group, tls, ...rest } = enrolmentSchema.parse(
    JSON.parse(enrolled.data.signed),
  );
  return {
    identity: {
      ...{ fleet, device: rest.device, group, credential, controllerKey },
      brokerUrl: `mqtts://127.0.0.1:${ports.mqtt}`,
      controllerUrl: `https://127.0.0.1:${ports.http}`,
      publisherFingerprints: [token.publisher as StormIdentity['identity']['publisherFingerprints'][number]],
    },
    tls: {
      ca: [authority],
      cert: tls?.certificate ?? '',
      key: keys.tls.export({ format: 'pem', type: 'pkcs8' }).toString(),
    },
  };
}

async function enrolAll(given: Enrol): Promise<void> {
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: ENROLLED_AT_ONCE, ca: given.authority });
  await each(given.names, ENROLLED_AT_ONCE, async (name) => {
    const enrolled = await enrolOne(name, given, agent);
    aCertificate = enrolled.tls;
    devices.push(new StormDevice(enrolled, systemRandom));
  });
  agent.destroy();
}

/** Spread over the time, as devices are switched on. */
async function connectAll(withinMs: number): Promise<void> {
  for (const device of devices) {
    device.start();
    await new Promise((resolve) => setTimeout(resolve, withinMs / devices.length));
  }
}

function standing(): Standing {
  const { system, user } = process.cpuUsage();
  return {
    devices: devices.length,
    connected: devices.filter(({ isConnected }) => isConnected).length,
    waiting: devices.reduce((sum, { waiting }) => sum + waiting, 0),
    versions: devices.reduce((sum, { version }) => sum + version, 0),
    appliedTwice: devices.reduce((sum, { appliedTwice }) => sum + appliedTwice, 0),
    cpuSeconds: (system + user) / 1e6,
    rssBytes: process.memoryUsage.rss(),
    resumed,
  };
}

async function follow(order: Order): Promise<void> {
  if (order.order === 'enrol') await enrolAll(order);
  if (order.order === 'connect') await connectAll(order.withinMs);
  if (order.order === 'event') {
    const event = { type: 'records-dropped', class: 'event', dropped: 1, reason: 'bound' };
    for (const device of devices) for (let at = 0; at < order.each; at += 1) device.append(event);
  }
  if (order.order === 'handshakes' && aCertificate !== undefined)
    resumed = await shakeHands({ port: order.port, tls: aCertificate }, order.kind, order.count);
  process.send?.(standing());
}

process.on('message', (message) => {
  follow(orderSchema.parse(message)).catch((thrown: unknown) => {
    console.error(thrown);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
setInterval(() => {
  for (const device of devices) device.tick();
}, TICK_MS).unref();
