// A story of a device that goes from one release to the next, or does something else on one, with decisions on the way that
// must not be lost.
import { type DesiredState, type LineId, toNanofleetError } from '@nanofleet/protocol';
import { MemoryDisk } from '@nanofleet/runtime/testing';
import { CrashDevice, type Release, TEXTS } from './crash-device.ts';
import { CrashDisk } from './crash-disk.ts';
import type { History } from './crash-story.ts';

const LINE = 'intent';
const NEVER = { at: Number.POSITIVE_INFINITY, fault: 'kill' } as const;
/** The next process starts so long after the one before. */
const LATER_MS = 3_600_000;
/** With a full disk a story need not reach its goal; it goes on for so many looks. */
const LOOKS_WHEN_FULL = 400;

/** What a device has been told, and must know afterwards. */
export interface Kept {
  /** Decisions whose records it has called durable. */
  readonly decisions: string[];
  /** Examples that it has taken. */
  examples: number;
}

/** What happens beside the release. */
export interface Steps {
  /** Of the line, beside the release. */
  readonly desired: Partial<NonNullable<DesiredState['lines'][LineId]>>;
  /** Until the goal or the end of the process. */
  readonly act: (device: CrashDevice, kept: Kept) => Promise<void>;
  /** The same after the next start; what must not be. */
  readonly again: (device: CrashDevice, kept: Kept) => Promise<string[]>;
}

/** A story. */
export interface DeviceStory {
  readonly name: string;
  /** Releases that were committed one after the other. */
  readonly before: readonly Release[];
  readonly next: Release;
  /** Whether the device refuses the next one, and goes back. */
  readonly isTakenBack?: boolean;
  readonly steps?: Steps;
}

const wishOf = ({ next, steps }: DeviceStory, release: Release = next) => ({
  lines: { [LINE]: { ...release.wish, ...steps?.desired } } as unknown as DesiredState['lines'],
});

/** The story as a history. */
export const deviceHistory = (story: DeviceStory): History => ({
  name: story.name,
  prepare: () => prepare(story),
  play: async (disk) => {
    const kept: Kept = { decisions: [], examples: 0 };
    try {
      await play(story, disk, kept);
    } catch (thrown) {
      // A process that has ended says so by an error; so may one that has no room to start.
      if (!disk.isEnded && !disk.isFull) throw thrown;
    }
    return (found) => judge(story, found, kept);
  },
});

const prepare = async ({ before }: DeviceStory): Promise<MemoryDisk> => {
  let disk = new MemoryDisk();
  for (const [at, release] of before.entries()) {
    const crashing = new CrashDisk(disk, NEVER);
    const releases = before.slice(0, at + 1);
    const device = new CrashDevice(crashing, { releases, atMs: 1e12 + at * LATER_MS });
    device.desire(at + 1, { lines: { [LINE]: release.wish } as unknown as DesiredState['lines'] });
    await device.agent.load();
    device.agent.start();
    await device.until(() => device.report?.committed === release.digest);
    await device.agent.close();
    disk = crashing.survivor();
  }
  return disk;
};

const startOn = async (story: DeviceStory, disk: CrashDisk, atMs: number): Promise<CrashDevice> => {
  const { before, isTakenBack = false, next } = story;
  const releases = [...before, next];
  const device = new CrashDevice(disk, { releases, isBlind: isTakenBack, atMs });
  device.desire(before.length + 1, wishOf(story));
  await device.agent.load();
  return device;
};

const play = async (story: DeviceStory, disk: CrashDisk, kept: Kept): Promise<void> => {
  const device = await startOn(story, disk, 1e12 + 10 * LATER_MS);
  device.agent.start();
  await device.until(() => device.agent.status().link === 'connected' && device.report?.running !== null);
  for (const text of TEXTS.slice(0, 3)) await decideDurably(device, text, kept);
  await story.steps?.act(device, kept);
  let looks = 0;
  await device.until(() => {
    looks += 1;
    return isThere(device, story) || (disk.isFull && looks > LOOKS_WHEN_FULL);
  });
  if (!disk.isEnded && !disk.isFull) await device.agent.close();
};

/** Whether the goal is reached; a bad release shows itself only to whoever asks. */
const isThere = (device: CrashDevice, { before, isTakenBack = false, next }: DeviceStory): boolean => {
  if (!isTakenBack) return device.report?.committed === next.digest;
  if (device.report?.step === 'probation') for (const text of TEXTS) void hear(device, text);
  const { refused, running, step } = device.report ?? {};
  return step === 'refused' && refused?.digest === next.digest && running?.digest === before.at(-1)?.digest;
};

const hear = (device: CrashDevice, text: string): Promise<unknown> =>
  device.agent.decide(text, {}).catch((thrown: unknown) => {
    if (!device.disk.isEnded) throw thrown;
  });

const decideDurably = async (device: CrashDevice, text: string, kept: Kept): Promise<void> => {
  let id: string | null = null;
  let isOver = false;
  const asked = device.agent.decide(text, { durable: true }).then(
    (decision) => {
      id = decision.id;
    },
    (thrown: unknown) => {
      if (!device.disk.isEnded && toNanofleetError(thrown).code !== 'DISK_FULL') throw thrown;
    },
  );
  void asked
    .finally(() => {
      isOver = true;
    })
    .catch(() => undefined);
  await device.until(() => isOver);
  if (device.disk.isEnded && !isOver) return;
  await asked;
  if (id !== null) kept.decisions.push(id);
};

const judge = async (story: DeviceStory, found: MemoryDisk, kept: Kept): Promise<string[]> => {
  const disk = new CrashDisk(found, NEVER);
  try {
    const device = await startOn(story, disk, 1e12 + 20 * LATER_MS);
    const faults = startFaults(device, story);
    device.agent.start();
    if (!(await device.until(() => isThere(device, story))))
      faults.push(`the goal is not reached again: ${JSON.stringify(device.report)}`);
    faults.push(...((await story.steps?.again(device, kept)) ?? []));
    const isDelivered = await device.until(() => kept.decisions.every((id) => device.arrived.has(id)));
    if (!isDelivered) faults.push('a durable decision never arrives');
    if (!device.hasAcceptedAll) faults.push(`of the metadata it has ${JSON.stringify(device.accepted)}`);
    faults.push(...leftFaults(disk, story));
    await device.agent.close();
    return faults;
  } catch (thrown) {
    return [`the device does not start: ${toNanofleetError(thrown).message}`];
  }
};

/** After a start a line runs exactly what it has committed, if it has committed anything. */
const startFaults = (device: CrashDevice, { before, next }: DeviceStory): string[] => {
  const { committed = null, running = null } = device.report ?? {};
  const known: (string | undefined)[] = [before.at(-1)?.digest, next.digest];
  if (before.length > 0 && committed === null) return ['what was committed is lost'];
  if ((device.accepted?.targets ?? 0) < before.length) return ['it has gone back behind metadata'];
  if (committed !== null && running?.digest !== committed)
    return [`${running?.digest} runs, and ${committed} is committed`];
  return committed === null || known.includes(committed) ? [] : [`${committed} is committed`];
};

/** Nothing lies in the slot but its state, what is committed, and what was before. */
const leftFaults = (disk: CrashDisk, { before, isTakenBack = false, next }: DeviceStory): string[] => {
  const releases = isTakenBack ? before : [...before, next];
  const allowed = new Set(['state.json', ...releases.slice(-2).map(({ digest }) => digest)]);
  const left = disk.list(`/state/slots/${LINE}`).filter((name) => !allowed.has(name));
  return left.length === 0 ? [] : [`left behind: ${left.join(', ')}`];
};
