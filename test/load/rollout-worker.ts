// A process of real agents: enrols its share, starts them, and tells how far they are and what they did, over IPC.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { type Enrolment, enrolDevice } from '@nanofleet/controller/testing';
import { deviceIdSchema } from '@nanofleet/protocol';
import { fingerprintOf, generateSigningKey, type SigningKey } from '@nanofleet/protocol/node';
import { z } from 'zod';
import { each } from './each.ts';
import { noWork, RolloutDevice } from './rollout-device.ts';

const AT_ONCE = 4;

const orderSchema = z.discriminatedUnion('order', [
  z.object({
    order: z.literal('enrol'),
    names: z.array(z.string()),
    ...{ url: z.string(), token: z.object({ id: z.string(), secret: z.string() }) },
  }),
  z.object({
    order: z.literal('start'),
    ...{ url: z.string(), brokerUrl: z.string(), directory: z.string(), bundles: z.string() },
  }),
  z.object({ order: z.literal('tell'), digest: z.string() }),
  z.object({ order: z.literal('close') }),
]);
type Order = z.infer<typeof orderSchema>;
type Enrol = Extract<Order, { order: 'enrol' }>;
type Start = Extract<Order, { order: 'start' }>;

/** What the broker has to know of those who have enrolled. */
export const enrolledSchema = z.array(z.object({ device: deviceIdSchema, credential: z.string() }));

/** How far the agents of a worker are, and what all of them did since the start. */
export const progressSchema = z.object({
  connected: z.int(),
  committed: z.int(),
  downloads: z.int(),
  deltaDownloads: z.int(),
  downloadedBytes: z.int(),
  messages: z.int(),
  reports: z.int(),
  loads: z.int(),
  ownModels: z.int(),
  digests: z.int(),
  cpuSeconds: z.number(),
  rssBytes: z.int(),
});
export type Progress = z.infer<typeof progressSchema>;

interface Enrolled {
  readonly enrolment: Enrolment;
  readonly key: SigningKey;
}

const enrolled: Enrolled[] = [];
const devices: RolloutDevice[] = [];
const work = noWork();
let digests = 0;

/** Counts each SHA-256 that anything in this process begins. */
function countDigests(): void {
  const { createHash } = crypto;
  crypto.createHash = (algorithm, options) => {
    digests += 1;
    return createHash(algorithm, options);
  };
  syncBuiltinESMExports();
}

async function enrolAll({ names, token, url }: Enrol): Promise<z.infer<typeof enrolledSchema>> {
  await each(names, AT_ONCE, async (name) => {
    const key = generateSigningKey();
    enrolled.push({ key, enrolment: await enrolDevice(url, { name, key, token }) });
  });
  return enrolled.map(({ enrolment: { credential, device } }) => ({ credential, device }));
}

async function startOne({ enrolment, key }: Enrolled, given: Start): Promise<void> {
  const { controllerKey, credential, device, fleet, group, publisherKeys } = enrolment;
  const publisherFingerprints = publisherKeys.map((raw) => fingerprintOf(Buffer.from(raw, 'base64')));
  const [brokerUrl, controllerUrl] = [given.brokerUrl, given.url];
  const identity = {
    fleet,
    device,
    group,
    credential,
    brokerUrl,
    controllerUrl,
    controllerKey,
    publisherFingerprints,
  };
  const { bundles, directory } = given;
  const made = new RolloutDevice({ identity, key, directory, bundles, work });
  await made.start();
  devices.push(made);
}

function progress(digest: string): Progress {
  const { system, user } = process.cpuUsage();
  const { deltaDownloads, downloadedBytes, downloads, loads, messages, ownModels, reports } = work;
  return {
    connected: devices.filter(({ standing }) => standing.isConnected).length,
    committed: devices.filter(({ standing }) => standing.committed === digest).length,
    ...{ downloads, deltaDownloads, downloadedBytes, messages, reports, loads, ownModels, digests },
    cpuSeconds: (system + user) / 1e6,
    rssBytes: process.memoryUsage.rss(),
  };
}

async function follow(order: Order): Promise<object> {
  if (order.order === 'enrol') return await enrolAll(order);
  if (order.order === 'start') await each(enrolled, AT_ONCE, (one) => startOne(one, order));
  if (order.order === 'close') await Promise.all(devices.map((device) => device.close()));
  return progress(order.order === 'tell' ? order.digest : '');
}

countDigests();
process.on('message', (message) => {
  follow(orderSchema.parse(message))
    .then((answer) => process.send?.(answer))
    .catch((thrown: unknown) => {
      console.error(thrown);
      process.exit(1);
    });
});
process.on('disconnect', () => process.exit(0));
