// Release metadata at a real controller: who may begin it, what follows, what devices are served, and what it holds up.
import {
  fleetIdSchema,
  metadataHead,
  metadataName,
  modelStatement,
  TIMESTAMP_MS,
  TIMESTAMP_NAME,
  targetPath,
} from '@nanofleet/protocol';
import {
  fingerprintOf,
  generateSigningKey,
  linkTo,
  makeMetadata,
  metadataKeysOf,
  readMetadata,
  type SigningKey,
} from '@nanofleet/protocol/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishBundle, type TestBundle } from '../testing/test-bundle.ts';
import { FLEET, TestController } from '../testing/test-controller.ts';

const fleet = fleetIdSchema.parse(FLEET);
const DAY_MS = 86_400_000;
/** A first start of the embedded database on a busy machine. */
const PATIENCE_MS = 240_000;
let controller: TestController;
let listed: TestBundle;
let version = 0;

/** A root of some publishers, which names the controller or not. */
const rootText = async (
  number: number,
  { by = controller.publisher, controllers }: { by?: SigningKey; controllers?: Uint8Array[] } = {},
): Promise<string> => {
  const { controllerKeys } = await controller.call('trust');
  const online = controllers ?? controllerKeys.map((key) => Buffer.from(key, 'base64'));
  const role = { keyids: [by.fingerprint], threshold: 1 };
  const signed = {
    ...metadataHead('root', { fleet, version: number, expiresAtMs: Date.now() + 700 * DAY_MS }),
    consistent_snapshot: true,
    keys: metadataKeysOf([by.publicKey, ...online]),
    roles: {
      ...{ root: role, targets: role, snapshot: role },
      timestamp: { keyids: online.map(fingerprintOf), threshold: 1 },
    },
  };
  return makeMetadata(signed, [by]).toString();
};

const releasesOf = (bundles: readonly TestBundle[], by = controller.publisher) => {
  version += 1;
  const head = { fleet, version, expiresAtMs: Date.now() + 365 * DAY_MS };
  const entries = bundles.map(({ digest, manifest, manifestBytes }) => [
    targetPath('model', digest),
    { length: manifestBytes.length, hashes: { sha256: digest }, custom: modelStatement(manifest, 'any') },
  ]);
  const targets = makeMetadata(
    { ...metadataHead('targets', head), targets: Object.fromEntries(entries) as object },
    [by],
  );
  const meta = { 'targets.json': linkTo(readMetadata('targets', targets)) };
  const snapshot = makeMetadata({ ...metadataHead('snapshot', head), meta }, [by]);
  return { targets: targets.toString(), snapshot: snapshot.toString() };
};

const put = (roots: string[], releases: ReturnType<typeof releasesOf> | null = null) =>
  controller.call('putMetadata', { body: { roots, releases } });

const timestamp = async () =>
  readMetadata(
    'timestamp',
    Buffer.from((await controller.call('metadata', { params: { name: TIMESTAMP_NAME } })).document),
  ).signed;

beforeAll(async () => {
  controller = await TestController.start('embedded');
  listed = await publishBundle(controller);
}, PATIENCE_MS);
afterAll(() => controller.close());

describe('release metadata', () => {
  it('is not there in a new fleet, and holds nothing up', async () => {
    expect((await controller.call('trust')).roles).toEqual([]);
    const body = { digest: listed.digest, target: { group: 'nobody' } } as never;
    expect((await controller.call('makeRollout', { body })).digest).toBe(listed.digest);
    await expect(controller.call('metadata', { params: { name: TIMESTAMP_NAME } })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(put([], releasesOf([listed]))).rejects.toMatchObject({ code: 'METADATA_MISSING' });
  });

  it('is begun by a publisher that the controller was started with, and names the controller', async () => {
    const stranger = await rootText(1, { by: generateSigningKey() });
    await expect(put([stranger], releasesOf([]))).rejects.toMatchObject({ code: 'METADATA_ROOT_WRONG' });
    const foreign = await rootText(1, { controllers: [generateSigningKey().publicKey] });
    await expect(put([foreign], releasesOf([]))).rejects.toMatchObject({ code: 'SETTING_INVALID' });
    const { roles, targets } = await put([await rootText(1)], releasesOf([listed]));
    expect(roles.map(({ role }) => role)).toEqual(['root', 'targets', 'snapshot', 'timestamp']);
    expect(targets).toBe(1);
  });

  it('tells devices of the root in their desired states', async () => {
    const device = await controller.device('kitchen');
    await device.connect();
    await expect.poll(() => device.desired?.metadata).toEqual({ root: 1 });
  });

  it('holds up what it does not list', async () => {
    const other = await publishBundle(controller, { releaseCounter: 99, version: '99.0.0' });
    const body = { digest: other.digest, target: { all: true } } as const;
    await expect(controller.call('makeRollout', { body })).rejects.toMatchObject({ code: 'TARGET_UNKNOWN' });
    await put([], releasesOf([listed, other]));
    expect((await controller.call('makeRollout', { body })).digest).toBe(other.digest);
  });

  it('never goes back, and only one of two publishers who push at once succeeds', async () => {
    const earlier = releasesOf([listed]);
    await put([], releasesOf([]));
    await expect(put([], earlier)).rejects.toMatchObject({ code: 'METADATA_OLD' });
    const next = releasesOf([listed]);
    const both = await Promise.allSettled([put([], next), put([], next)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('has a timestamp that is made anew when half of its time is over, and when there is news', async () => {
    const first = await timestamp();
    expect(await timestamp()).toEqual(first);
    controller.advance(TIMESTAMP_MS / 2 + 1);
    const second = await timestamp();
    expect(second.version).toBeGreaterThan(first.version);
    await put([], releasesOf([listed]));
    expect((await timestamp()).meta['snapshot.json'].version).toBe(version);
  });

  it('tells Prometheus how long it still counts', async () => {
    const headers = { authorization: `Bearer ${controller.adminToken}` };
    const text = await (await fetch(`${controller.url}/metrics`, { headers })).text();
    const left = /nanofleet_fleet_metadata_valid_seconds\{role="targets"\} (\d+)/.exec(text)?.[1];
    expect(Number(left)).toBeGreaterThan(300 * 86_400);
  });

  it('keeps a key from taking over whose timestamps would count for nobody', async () => {
    await controller.call('rotate', { body: { part: 'controller-key', overlapS: 60 } });
    const finish = () => controller.call('finishRotation', { body: { leavesBehind: true } });
    await expect(finish()).rejects.toMatchObject({ code: 'SETTING_INVALID' });
    await put([await rootText(2)], releasesOf([listed]));
    expect((await finish()).phase).toBe('done');
    const { keyIds } = (await controller.call('trust')).roles.find(({ role }) => role === 'timestamp') ?? {
      keyIds: [],
    };
    expect(keyIds).toContain((await controller.call('whoami')).controllerKeyId);
    const name = metadataName('root', 2);
    expect((await controller.call('metadata', { params: { name } })).document).toContain('"version":2');
  });
});
