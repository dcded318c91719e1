// A process of real agents: enrols its share, starts them, and tells how far they are and what they did, over IPC.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { enrolDevice } from '@nanofleet/controller/testing';
import { fingerprintOf, generateSigningKey } from '@nanofleet/protocol/node';
import { z } from 'zod';
import { noWork, RolloutDevice } from './rollout-device.ts';

const AT_ONCE = 4;

const orderSchema = z.discriminatedUnion('order', [
  z.object({
    order: z.literal('start'),
    names: z.array(z.string()),
    token: z.object({ id: z.string(), secret: z.string() }),
    ...{ url: z.string(), brokerUrl: z.string(), directory: z.string(), bundles: z.string() },
  }),
  z.object({ order: z.literal('tell'), digest: z.string() }),
  z.object({ order: z.literal('close') }),
]);
type Start = Extract<z.infer<typeof orderSchema>, { order: 'start' }>;

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

async function startOne(name: string, given: Start): Promise<void> {
  const key = generateSigningKey();
  const enrolled = await enrolDevice(given.url, { name, key, token: given.token });
  const { controllerKey, credential, device, fleet, group, publisherKeys } = enrolled;
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

async function startAll(given: Start): Promise<void> {
  const names = [...given.names];
  const some = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) await startOne(name, given);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
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

async function follow(message: unknown): Promise<void> {
  const order = orderSchema.parse(message);
  if (order.order === 'start') await startAll(order);
  if (order.order === 'close') await Promise.all(devices.map((device) => device.close()));
  process.send?.(progress(order.order === 'tell' ? order.digest : ''));
}

countDigests();
process.on('message', (message) => {
  follow(message).catch((thrown: unknown) => {
    console.error(thrown);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));
