// Jobs from the operator's word to the device and back: kept in SQL, sent until they are answered, tried again, cancelled.
import type { BodyOf, Job, JobState, Message, Uuid } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import type { TestDevice } from '../testing/test-device.ts';

const connected = async (controller: GetController, name: string, group: string): Promise<TestDevice> => {
  const device = await controller().device(name, { group });
  await device.connect({ brokerUrl: controller().brokerUrl });
  await device.birth();
  return device;
};

const make = (controller: GetController, group: string, change: Partial<BodyOf<'job'>> & object = {}) =>
  controller().call('makeJob', { body: { task: 'report', target: { group }, ...change } as never });

const bodiesOf = (device: TestDevice): Job[] =>
  device.heard.filter((message): message is Message<'job'> => message.kind === 'job').map(({ body }) => body);

const told = (device: TestDevice, execution = 1): Promise<Job> =>
  eventually(() => {
    const found = bodiesOf(device).find((body) => body.execution === execution);
    expect(found).toBeDefined();
    return found as Job;
  });

const say = (device: TestDevice, job: Uuid, state: Partial<JobState>): Promise<void> =>
  device.sendJobState(job, { execution: 1, status: 'succeeded', ...state });

const executionsOf = async (controller: GetController, job: Uuid) =>
  (await controller().call('job', { params: { job } })).executions;

const standing = (controller: GetController, job: Uuid, statuses: string[]) =>
  eventually(async () => {
    expect((await executionsOf(controller, job)).map(({ status }) => status)).toEqual(statuses);
  });

const sending = (controller: GetController): void => {
  it('goes to the devices of its group with a place in the series of each, and hears their ends', async () => {
    const one = await connected(controller, 'job-1', 'jobs-a');
    const other = await connected(controller, 'job-2', 'jobs-a');
    const { counts, id } = await make(controller, 'jobs-a');
    expect(counts.queued).toBe(2);
    expect(await told(one)).toMatchObject({ execution: 1, task: 'report', sequence: 1, closedBelow: 1 });
    await told(other);
    await say(one, id, { status: 'in-progress' });
    await say(one, id, { status: 'succeeded' });
    await say(one, id, { status: 'failed', code: 'INTERNAL' });
    await say(other, id, { status: 'rejected', code: 'JOB_TASK_UNKNOWN', message: 'no \0' });
    await standing(controller, id, ['succeeded', 'rejected']);
    const next = await make(controller, 'jobs-a');
    await eventually(() => {
      expect(bodiesOf(one).at(-1)).toMatchObject({ sequence: 2, closedBelow: 2 });
    });
    expect(next.counts.queued).toBe(2);
  });

  it('waits for a device that is not there, and is sent again to one that comes again', async () => {
    const device = await controller().device('job-3', { group: 'jobs-b' });
    const { id } = await make(controller, 'jobs-b');
    await device.connect({ brokerUrl: controller().brokerUrl });
    await device.birth();
    await told(device);
    await device.close();
    await device.connect({ brokerUrl: controller().brokerUrl });
    await device.birth();
    await eventually(() => {
      expect(bodiesOf(device).length).toBeGreaterThan(1);
    });
    await say(device, id, {});
    await standing(controller, id, ['succeeded']);
  });
};

const ends = (controller: GetController): void => {
  it('is tried again under the next number, in the same place, when that can help', async () => {
    const device = await connected(controller, 'job-4', 'jobs-c');
    const { id } = await make(controller, 'jobs-c', { executionsMax: 2 } as never);
    await told(device);
    await say(device, id, { status: 'failed', code: 'DISK_FULL' });
    const again = await told(device, 2);
    expect(again).toMatchObject({ sequence: 1, closedBelow: 1 });
    await say(device, id, { execution: 2, status: 'failed', code: 'DISK_FULL' });
    await standing(controller, id, ['failed', 'failed']);
  });

  it('times out, and notes what the device says afterwards', async () => {
    const device = await connected(controller, 'job-5', 'jobs-d');
    const { id } = await make(controller, 'jobs-d', { timeoutMs: 60_000 } as never);
    await told(device);
    controller().advance(61_000);
    await standing(controller, id, ['timed-out']);
    await say(device, id, {});
    await eventually(async () => {
      const [execution] = await executionsOf(controller, id);
      expect(execution).toMatchObject({ status: 'timed-out', saidLate: 'succeeded' });
    });
  });

  it('is cancelled where it has not begun', async () => {
    const device = await connected(controller, 'job-6', 'jobs-e');
    await controller().device('job-7', { group: 'jobs-e' });
    const { id } = await make(controller, 'jobs-e');
    await told(device);
    await say(device, id, { status: 'in-progress' });
    await standing(controller, id, ['in-progress', 'queued']);
    const { canceledAt, counts } = await controller().call('cancelJob', { params: { job: id } });
    expect(canceledAt).not.toBeNull();
    expect(counts).toMatchObject({ 'in-progress': 1, canceled: 1 });
    await say(device, id, {});
    await standing(controller, id, ['succeeded', 'canceled']);
  });

  it('is refused for nobody, for too many, and unknown by a foreign id', async () => {
    await expect(make(controller, 'nobody')).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' });
    await controller().device('job-8', { group: 'jobs-f' });
    for (let count = 0; count < 64; count += 1) await make(controller, 'jobs-f');
    await expect(make(controller, 'jobs-f')).rejects.toMatchObject({ code: 'JOBS_TOO_MANY' });
    const job = '01933b6c-0000-7000-8000-000000000009' as Uuid;
    await expect(controller().call('job', { params: { job } })).rejects.toMatchObject({
      code: 'JOB_UNKNOWN',
    });
  });
};

onEachDatabase('a job', [sending, ends]);
