// Questions of devices: stored once, answered by the mini tier or honestly not, their texts gone afterwards.
import { type BodyOf, makeUuid, type Uuid } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { rowsOf } from '../db/database.ts';
import { openDatabase } from '../db/open-database.ts';
import { systemRandom } from '../ports/random.ts';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { makeTestBundle, publishBundle, register, uploadFiles } from '../testing/test-bundle.ts';
import type { TestDevice } from '../testing/test-device.ts';

const EPOCH = '0123456789abcdef';
const KNOWN = 'what is the weather like in boston today';
const UNKNOWN = 'qzx vvkj wpqr';

let sequence = 0;

/** Asks a question and gives its id. */
const ask = async (
  device: TestDevice,
  text: string,
  options: { remainingMs?: number; times?: number } = {},
): Promise<Uuid> => {
  const { remainingMs = 60_000, times = 1 } = options;
  const decision = makeUuid(1, systemRandom.bytes(10));
  sequence += 1;
  const record = { epoch: EPOCH, sequence };
  const local = { label: 'x', confidence: 0.2, outOfScope: 0.5, verdict: 'unsure' as const };
  const body = { decision, line: 'intent', version: '1.0.0', text, redacted: {}, local };
  for (let time = 0; time < times; time += 1) {
    await device.send('offload/req', body as BodyOf<'offload/req'>, {
      record,
      remainingMs,
      correlation: decision,
    });
  }
  return decision;
};

const answerTo = (device: TestDevice, decision: Uuid) =>
  eventually(() => {
    const answer = device.answers.find((given) => given.decision === decision);
    expect(answer).toBeDefined();
    return answer;
  });

const connected = async (controller: GetController, name: string, group = 'homes'): Promise<TestDevice> => {
  const device = await controller().device(name, { group });
  await device.connect({ brokerUrl: controller().brokerUrl });
  await device.birth();
  return device;
};

let database: Awaited<ReturnType<typeof openDatabase>> | null = null;

/** Remembers the database, to look at what is kept of texts. */
const open: typeof openDatabase = async (wanted, unique) => {
  database = await openDatabase(wanted, unique);
  return database;
};

const textsKept = async (): Promise<number> => {
  if (database === null) return -1;
  const [row] = await rowsOf<{ kept: number | string }>(
    database.database,
    sql`select count(*) as kept from offloads where text is not null`,
  );
  return Number(row?.kept);
};

const withoutMini = (controller: GetController): void => {
  it('without a mini tier a question is answered at once with the reason', async () => {
    const device = await connected(controller, 'early');
    const decision = await ask(device, KNOWN);
    expect(await answerTo(device, decision)).toMatchObject({
      code: 'OFFLOAD_UNAVAILABLE',
      tier: null,
      label: null,
      verdict: 'unsure',
    });
    await expect(controller().call('ask', { body: { text: KNOWN } })).rejects.toMatchObject({
      code: 'OFFLOAD_UNAVAILABLE',
    });
  });
};

const miniTier = (controller: GetController): void => {
  it('is loaded by a rollout to the controller and answers operators', async () => {
    const bundle = await publishBundle(controller());
    const body = { digest: bundle.digest, target: { controller: true as const } };
    const made = await controller().call('makeRollout', { body });
    expect(made).toMatchObject({ status: 'done', counts: { total: 1, running: 1 } });
    const answer = await controller().call('ask', { body: { text: KNOWN } });
    expect(answer).toMatchObject({ tier: 'mini', digest: bundle.digest, verdict: 'sure', label: 'weather' });
    await expect(controller().call('ask', { body: { text: '   ' } })).rejects.toMatchObject({
      code: 'TEXT_EMPTY',
    });
  });

  it('goes on when a bundle does not load, and is swapped without failing a request', async () => {
    const before = (await controller().call('ask', { body: { text: KNOWN } })).digest;
    const broken = await makeTestBundle(controller().publisher, {
      golden: { tolerance: 1e-30 },
      version: '8.0.0',
    });
    await uploadFiles(controller(), broken);
    await register(controller(), broken);
    const target = { controller: true as const };
    const refused = controller().call('makeRollout', { body: { digest: broken.digest, target } });
    await expect(refused).rejects.toMatchObject({ code: 'GOLDEN_MISMATCH' });
    expect((await controller().call('ask', { body: { text: KNOWN } })).digest).toBe(before);
    const next = await publishBundle(controller(), { version: '8.0.1', releaseCounter: 2 });
    const asked = Promise.all(
      Array.from({ length: 40 }, () => controller().call('ask', { body: { text: KNOWN } })),
    );
    await controller().call('makeRollout', { body: { digest: next.digest, target } });
    expect((await asked).every(({ label }) => label === 'weather')).toBe(true);
    expect((await controller().call('ask', { body: { text: KNOWN } })).digest).toBe(next.digest);
  });

  it('is never a bundle of a foreign key', async () => {
    const foreign = await makeTestBundle(generateSigningKey(), { version: '7.7.7' });
    await uploadFiles(controller(), foreign);
    await expect(register(controller(), foreign)).rejects.toMatchObject({ code: 'SIGNATURE_KEY_FOREIGN' });
    const body = { digest: foreign.digest, target: { controller: true as const } };
    await expect(controller().call('makeRollout', { body })).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
  });
};

const questions = (controller: GetController): void => {
  it('are answered under their id, once stored however often they come, and acknowledged', async () => {
    const device = await connected(controller, 'asker');
    const before = await controller().call('fleet');
    const decision = await ask(device, KNOWN, { times: 3 });
    const answer = await answerTo(device, decision);
    expect(answer).toMatchObject({ decision, tier: 'mini', label: 'weather', verdict: 'sure' });
    await eventually(() => expect(device.acknowledged(EPOCH).has(sequence)).toBe(true));
    const listed = (await controller().call('offloads', { query: { device: device.name } })).items;
    expect(listed).toHaveLength(1);
    expect(listed[0]).toMatchObject({ decision, status: 'answered', tier: 'mini', label: 'weather' });
    const after = (await controller().call('fleet')).offloads;
    expect(after.total).toBe(before.offloads.total + 1);
    expect(after.answered).toBe(before.offloads.answered + 1);
  });

  it('get no label when nobody is sure', async () => {
    const device = await connected(controller, 'doubter');
    const answer = await answerTo(device, await ask(device, UNKNOWN));
    expect(answer).toMatchObject({ tier: 'mini', label: null });
    expect(answer?.verdict).not.toBe('sure');
  });

  it('are refused when the policy of the group is none', async () => {
    await controller().call('setPolicy', { params: { group: 'private' }, body: { offload: 'none' } });
    const device = await connected(controller, 'hermit', 'private');
    expect(await answerTo(device, await ask(device, KNOWN))).toMatchObject({
      code: 'OFFLOAD_REFUSED',
      label: null,
      tier: null,
    });
  });

  it('are marked as expired when their time is over', async () => {
    const device = await connected(controller, 'late');
    const decision = await ask(device, KNOWN, { remainingMs: 0 });
    expect(await answerTo(device, decision)).toMatchObject({ code: 'OFFLOAD_EXPIRED', label: null });
    const [listed] = (await controller().call('offloads', { query: { device: device.name } })).items;
    expect(listed?.status).toBe('expired');
  });

  it('with texts that PostgreSQL refuses are answered like others', async () => {
    const device = await connected(controller, 'odd');
    const answer = await answerTo(device, await ask(device, `${KNOWN} \0 \ud800`));
    expect(answer?.label === 'weather' || answer?.label === null).toBe(true);
  });

  it('leave no text behind, and none of it in the log', async () => {
    await eventually(async () => expect(await textsKept()).toBe(0));
    expect(controller().logged.join('')).not.toContain('boston');
  });
};

const restarts = (controller: GetController): void => {
  it('an answer that a device missed is sent again when it says that it waits', async () => {
    const device = await connected(controller, 'sleeper');
    const decision = await ask(device, KNOWN);
    await answerTo(device, decision);
    device.heard.length = 0;
    await controller().halt();
    await controller().run();
    await device.connect({ brokerUrl: controller().brokerUrl });
    await device.birth({ awaiting: [decision] });
    expect(await answerTo(device, decision)).toMatchObject({ label: 'weather' });
  });

  it('a question that a stop left open is answered after the start, by the mini tier of before', async () => {
    const device = await connected(controller, 'patient');
    const decision = makeUuid(2, systemRandom.bytes(10));
    await database?.database.execute(sql`
      insert into offloads (device, epoch, sequence, decision, line, received_at, expires_at, status, text)
      values (${device.name}, ${EPOCH}, 9999, ${decision}, 'intent', 1, 9999999999999, 'waiting', ${KNOWN})`);
    await controller().halt();
    await controller().run();
    await eventually(async () => {
      const items = (await controller().call('offloads', { query: { device: device.name } })).items;
      expect(items[0]).toMatchObject({ decision, status: 'answered', label: 'weather' });
    });
  });
};

onEachDatabase('offload', [withoutMini, miniTier, questions, restarts], { open });
