/** `jobs`: one thing that devices do once. */
import {
  deviceIdSchema,
  type ExecutionStatus,
  groupIdSchema,
  type JobDetail,
  type JobTarget,
  type JobView,
  jobRetrySchema,
  jobTaskSchema,
  parseId,
  uuidSchema,
} from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { tableOf } from '../table.ts';
import type { Paint, Terminal } from '../terminal.ts';
import { secondsOf, timeText } from '../units.ts';

const STATUS_PAINT: Record<ExecutionStatus, Paint> = {
  queued: 'yellow',
  'in-progress': 'yellow',
  succeeded: 'green',
  failed: 'red',
  rejected: 'red',
  'timed-out': 'red',
  canceled: 'dim',
};

async function make(context: Context): Promise<number> {
  const { args, connect, flags, terminal } = context;
  const body = {
    task: choiceOf(jobTaskSchema.options, args[0] ?? ''),
    target: targetOf(context),
    retry: choiceOf(jobRetrySchema.options, flags.text('retry') ?? 'retryable'),
    timeoutMs: timeoutMsOf(flags.text('timeout') ?? '1d'),
    executionsMax: triesOf(flags.text('tries') ?? '1'),
  };
  const job = await (await connect()).call('makeJob', { body });
  if (terminal.json) terminal.document(job);
  else terminal.line(`job ${job.id}: ${job.task} by ${total(job)} of ${targetText(job.target)}`);
  terminal.note(`Next: nanofleet jobs show ${job.id}`);
  return 0;
}

function choiceOf<const T extends string>(choices: readonly T[], given: string): T {
  const found = choices.find((choice) => choice === given);
  if (found !== undefined) return found;
  throw new UsageError(`${JSON.stringify(given)} is none of: ${choices.join(', ')}.`);
}

function targetOf({ flags }: Context): JobTarget {
  const device = flags.text('device');
  const group = flags.text('group');
  const isAll = flags.isOn('all');
  if ([device !== undefined, group !== undefined, isAll].filter(Boolean).length !== 1)
    throw new UsageError('Give one of --device, --group and --all.');
  if (device !== undefined) return { device: parseId(deviceIdSchema, device) };
  return group === undefined ? { all: true } : { group: parseId(groupIdSchema, group) };
}

function timeoutMsOf(text: string): number {
  const seconds = secondsOf(text);
  if (seconds === undefined)
    throw new UsageError(`--timeout ${text} is no time such as 90s, 45m, 12h or 1d.`);
  return seconds * 1_000;
}

function triesOf(text: string): number {
  const tries = Number(text);
  if (!Number.isInteger(tries) || tries < 1) throw new UsageError(`--tries ${text} is no number from 1.`);
  return tries;
}

const total = ({ counts }: JobView): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

function targetText(target: JobTarget): string {
  if ('device' in target) return target.device;
  return 'group' in target ? `group ${target.group}` : 'all devices';
}

const countsText = (terminal: Terminal, { counts }: JobView): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => terminal.paint(`${count} ${status}`, STATUS_PAINT[status as ExecutionStatus]))
    .join(', ');

async function list({ connect, terminal }: Context): Promise<number> {
  const { items } = await (await connect()).call('jobs');
  if (terminal.json) terminal.document(items);
  else {
    const lines = tableOf<JobView>(terminal, items, {
      columns: [
        { title: 'task', cell: ({ task }) => task },
        { title: 'for', cell: ({ target }) => targetText(target) },
        { title: 'devices', cell: (job) => countsText(terminal, job) },
        { title: 'made', cell: ({ createdAt }) => timeText(createdAt) },
        { title: 'id', cell: ({ id }) => id },
      ],
      empty: 'There is no job. Next: nanofleet jobs make report --all',
    });
    for (const line of lines) terminal.line(line);
  }
  return 0;
}

async function show({ args, connect, terminal }: Context): Promise<number> {
  const params = { job: parseId(uuidSchema, args[0] ?? '') };
  const job = await (await connect()).call('job', { params });
  if (terminal.json) terminal.document(job);
  else {
    const canceled = job.canceledAt === null ? '' : `, canceled ${timeText(job.canceledAt)}`;
    terminal.line(`${job.task} for ${targetText(job.target)}: ${countsText(terminal, job)}${canceled}`);
    for (const line of executionLines(terminal, job)) terminal.line(line);
  }
  return 0;
}

const executionLines = (terminal: Terminal, { executions }: JobDetail): string[] =>
  tableOf(terminal, executions, {
    columns: [
      { title: 'device', cell: ({ device }) => device },
      { title: 'execution', cell: ({ execution }) => execution },
      { title: 'status', cell: ({ status }) => terminal.paint(status, STATUS_PAINT[status]) },
      { title: 'said later', cell: ({ saidLate }) => saidLate ?? '' },
      { title: 'ended', cell: ({ endedAt }) => timeText(endedAt) },
      { title: 'why', cell: ({ code, message }) => (code === null ? '' : `${code} ${message ?? ''}`) },
    ],
    empty: 'No device was asked.',
  });

async function cancel({ args, connect, terminal }: Context): Promise<number> {
  const params = { job: parseId(uuidSchema, args[0] ?? '') };
  const job = await (await connect()).call('cancelJob', { params });
  if (terminal.json) terminal.document(job);
  else terminal.line(`job ${job.id}: ${countsText(terminal, job)}`);
  return 0;
}

/** `jobs make|ls|show|cancel`. */
export const JOBS: readonly Command[] = [
  {
    words: ['jobs', 'make'],
    usage: 'jobs make TASK (--device D | --group G | --all) [--timeout 1d] [--tries 1] [--retry retryable]',
    summary: 'Ask devices to do one thing once: report, trim-outbound, wipe-examples or restart',
    arguments: [1, 1],
    options: {
      device: { type: 'string' },
      group: { type: 'string' },
      all: { type: 'boolean' },
      timeout: { type: 'string' },
      tries: { type: 'string' },
      retry: { type: 'string' },
    },
    run: make,
  },
  {
    words: ['jobs', 'ls'],
    usage: 'jobs ls',
    summary: 'Jobs, newest first',
    arguments: [0, 0],
    run: list,
  },
  {
    words: ['jobs', 'show'],
    usage: 'jobs show ID',
    summary: 'One job with each execution',
    arguments: [1, 1],
    run: show,
  },
  {
    words: ['jobs', 'cancel'],
    usage: 'jobs cancel ID',
    summary: 'Cancel what has not been begun, and retries',
    arguments: [1, 1],
    run: cancel,
  },
];
