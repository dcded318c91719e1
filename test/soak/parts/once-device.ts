// A device whose jobs are watched from outside: the real ledger, inbox, codec, outbound log and example store on a disk that
// dies with its process. Counts effects by what is gone from the disk, never by what the ledger says.
import { ExampleStore, Jobs, type JobWork, makeInbox, makeJobTasks, OutboundLog } from '@nanofleet/agent';
import { JOBS_OPEN_MAX, type JobState, type JobTask, NanofleetError, type Uuid } from '@nanofleet/protocol';
import { type Log, type Random, silentLog } from '@nanofleet/runtime/ports';
import { ManualClock, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { Life } from '../../fleet/life.ts';
import { type DiskDoom, MortalDisk } from '../../fleet/mortal-disk.ts';

/** Name of the device that everything is addressed to. */
export const DEVICE = 'home-1';
const STATE = '/state';
const LEDGER = `${STATE}/job-ledger.json`;
const OUTBOUND = `${STATE}/outbound.log`;
const LINE = 'intent';

/** What was seen of one key. */
export interface Witnessed {
  /** Times that the work was asked for by a living process. */
  runs: number;
  /** Times that something was gone from the disk because of it. */
  changes: number;
}

/** How an ill-fated delivery goes. */
export interface Fate {
  readonly ending: 'killed' | 'power cut' | 'disk full';
  readonly afterChanges: number;
  readonly at: DiskDoom['at'];
}

interface Process {
  readonly life: Life;
  readonly disk: MortalDisk;
  readonly jobs: Jobs;
  readonly outbound: OutboundLog;
  readonly examples: ExampleStore;
  readonly receive: ReturnType<typeof makeInbox>;
}

/** One device over all its processes. */
export class OnceDevice {
  readonly seen = new Map<string, Witnessed>();
  readonly #random: Random;
  readonly #fails: (key: string) => boolean;
  readonly #clock = new ManualClock();
  #disk = new MemoryDisk();
  #process: Process;
  #told: { job: Uuid; state: JobState } | null = null;
  #mustRestart = false;
  #step = 0;
  /** The key whose work ran last, by task. */
  #last: Partial<Record<JobTask, string>> = {};
  #forgotten = 0;
  /** Texts that the disk holds for certain, with the step at which they came. */
  #texts = new Map<string, number>();
  /** The step at which a key first wiped. */
  readonly #wipedAt = new Map<string, number>();
  desiredVersion = 0;
  crashes = 0;
  powerCuts = 0;
  fullDisks = 0;

  constructor(random: Random, fails: (key: string) => boolean) {
    this.#random = random;
    this.#fails = fails;
    this.#disk.makeDirectory(STATE);
    this.#process = this.#boot();
    this.#fill();
  }

  /** Entries of the ledger, which has a bound. @throws when it is over it */
  get remembered(): number {
    const bytes = this.#disk.read(LEDGER);
    const { entries } = JSON.parse(Buffer.from(bytes ?? '{"entries":[]}').toString('utf8')) as {
      entries: unknown[];
    };
    if (entries.length > JOBS_OPEN_MAX) throw new RangeError(`the ledger holds ${entries.length} jobs`);
    return entries.length;
  }

  /** Delivers a message; `crashed` when the process did not live to say that it has it. */
  deliver(
    topic: string,
    bytes: Uint8Array,
    fate: Fate | null,
  ): { job: Uuid; state: JobState } | 'crashed' | null {
    this.#step += 1;
    this.#told = null;
    const { disk, jobs, life, receive } = this.#process;
    disk.doom = fate === null ? null : this.#doomOf(fate);
    receive(topic, bytes, { isRetained: false });
    disk.doom = null;
    if (!life.isAlive) return this.#reboot(fate);
    this.#disk.bytesMax = Number.POSITIVE_INFINITY;
    jobs.settle();
    this.#fill();
    const told = this.#told;
    if (this.#mustRestart) this.#restart();
    return told;
  }

  #doomOf({ afterChanges, at, ending }: Fate): DiskDoom {
    const { life } = this.#process;
    if (ending === 'disk full') this.fullDisks += 1;
    const fill = (): void => {
      this.#disk.bytesMax = 0;
    };
    return ending === 'disk full'
      ? { changesLeft: afterChanges, at: 'after', die: fill }
      : { changesLeft: afterChanges, at, die: () => life.end() };
  }

  #reboot(fate: Fate | null): 'crashed' {
    const isPowerCut = fate?.ending === 'power cut';
    this.crashes += 1;
    if (isPowerCut) this.powerCuts += 1;
    this.#disk = isPowerCut ? this.#disk.afterPowerCut(this.#random) : this.#disk.afterKill();
    this.#witness();
    this.#start();
    return 'crashed';
  }

  #restart(): void {
    this.#process.life.end();
    this.#disk = this.#disk.afterKill();
    this.#start();
  }

  /** Starts, and may die again while it ends what it found begun. */
  #start(): void {
    this.#mustRestart = false;
    this.#process = this.#boot();
    const isDoomed = this.#random.share() < 0.2;
    const { disk, life, jobs } = this.#process;
    const fate = {
      ending: 'killed',
      afterChanges: 1 + Math.floor(this.#random.share() * 8),
      at: 'before',
    } as const;
    disk.doom = isDoomed ? this.#doomOf(fate) : null;
    jobs.recover();
    disk.doom = null;
    if (!life.isAlive) return void this.#reboot(fate);
    this.#fill();
  }

  #boot(): Process {
    const life = new Life();
    const disk = new MortalDisk(this.#disk, life);
    const outbound = new OutboundLog(disk, OUTBOUND, silentLog);
    const examples = this.#openExamples(disk);
    const tasks = makeJobTasks({
      report: () => undefined,
      trimOutbound: (key) => outbound.trimFor(key),
      wipeExamples: () => void examples.wipe(),
      restart: () => {
        if (life.isAlive) this.#mustRestart = true;
      },
    });
    const work = Object.fromEntries(
      Object.entries(tasks).map(([task, one]) => [task, this.#watched(task as JobTask, one, life)]),
    );
    const jobs = new Jobs({
      ...{ disk, path: LEDGER, work, log: silentLog },
      desiredVersion: () => this.desiredVersion,
    });
    const take = (job: Uuid, body: Parameters<Jobs['take']>[1]): void => {
      const state = jobs.take(job, body);
      if (state !== null && life.isAlive) this.#told = { job, state };
    };
    return { life, disk, jobs, outbound, examples, receive: inboxFor(take) };
  }

  #openExamples(disk: MortalDisk | MemoryDisk): ExampleStore {
    return new ExampleStore({
      ...{ disk, clock: this.#clock, random: makeSeededRandom(1), log: silentLog },
      directory: `${STATE}/learning`,
    });
  }

  #watched(task: JobTask, work: JobWork, life: Life): JobWork {
    const run = (key: string): void => {
      if (!life.isAlive) return;
      if (this.#fails(key)) throw new NanofleetError('DISK_FULL', 'made to fail');
      const seen = this.#seenOf(key);
      this.#last[task] = key;
      seen.runs += 1;
      work.run(key);
      if (life.isAlive) this.#witness();
    };
    return { ...work, run };
  }

  #seenOf(key: string): Witnessed {
    const seen = this.seen.get(key) ?? { runs: 0, changes: 0 };
    this.seen.set(key, seen);
    return seen;
  }

  /** Looks at a copy of the disk, as a program that nobody can kill. */
  #witness(): void {
    const disk = this.#disk.afterKill();
    const { forgotten } = new OutboundLog(disk, OUTBOUND, silentLog).read();
    if (forgotten !== this.#forgotten) this.#changed('trim-outbound');
    this.#forgotten = forgotten;
    const kept = new Set(
      this.#openExamples(disk)
        .of(LINE)
        .map(({ text }) => text),
    );
    const gone = [...this.#texts].filter(([text]) => !kept.has(text));
    const key = this.#last['wipe-examples'] ?? 'nobody';
    const wipedAt = this.#wipedAt.get(key) ?? -1;
    if (gone.some(([, step]) => step > wipedAt)) this.#changed('wipe-examples');
    if (gone.length > 0 && wipedAt < 0) this.#wipedAt.set(key, this.#step);
    for (const [text] of gone) this.#texts.delete(text);
  }

  #changed(task: JobTask): void {
    this.#seenOf(this.#last[task] ?? 'nobody').changes += 1;
  }

  /** Gives both stores something that a second effect would take. */
  #fill(): void {
    const { examples, outbound } = this.#process;
    for (let count = outbound.read().entries.length; count < 4; count += 1) outbound.note(ENTRY);
    // Kept for certain: a trim after a power cut that has taken all entries would leave no trace of itself.
    this.#disk.open(OUTBOUND).syncNow();
    this.#disk.syncDirectory(STATE);
    const text = `text ${this.#step}`;
    if (this.#texts.size >= 3 || this.#texts.has(text)) return;
    examples.offer({ line: LINE, label: 'on', origin: 'local', at: this.#clock.unixMs(), text });
    this.#texts.set(text, this.#step);
  }
}

const ENTRY = { at: 1, what: 'sink', bytes: 1, redacted: {}, policy: 'mini' } as const;

const nothing = (): void => undefined;

/** The dropped must be none: everything here is well formed. */
const strict: Log = {
  ...silentLog,
  warn: (what, facts) => {
    throw new TypeError(`${what}: ${JSON.stringify(facts)}`);
  },
};

const inboxFor = (job: (id: Uuid, body: Parameters<Jobs['take']>[1]) => void) =>
  makeInbox({
    device: DEVICE,
    log: strict,
    dropped: nothing,
    handlers: {
      ...{ birth: nothing, desired: nothing, ack: nothing, offload: nothing, tokens: nothing, job },
      ...{ roundPlan: nothing, roundResult: nothing, blob: nothing, blobRefused: nothing },
    },
  });
