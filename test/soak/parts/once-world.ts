// A controller that keeps no more than what it must say, a link that repeats and disorders, and one device that dies: every
// command is delivered one to five times, and more only where the device said nothing. Owns the verdict on each key.
import {
  encodeMessage,
  JOBS_OPEN_MAX,
  type JobState,
  type JobTask,
  jobTaskSchema,
  type Message,
  topicOf,
  type Uuid,
} from '@nanofleet/protocol';
import { newId, type Random } from '@nanofleet/runtime/ports';
import { ManualClock, makeSeededRandom } from '@nanofleet/runtime/testing';
import { DEVICE, type Fate, OnceDevice } from './once-device.ts';

const COPIES_MAX = 5;
const TASKS = jobTaskSchema.options;
/** Tasks whose effect is on the disk. */
const ON_DISK: ReadonlySet<JobTask> = new Set(['trim-outbound', 'wipe-examples']);

interface Command {
  readonly job: Uuid;
  readonly sequence: number;
  readonly execution: number;
  readonly desiredVersion: number;
  readonly task: JobTask;
  readonly key: string;
  readonly isMadeToFail: boolean;
  /** Heard from the device; null while nothing final was. */
  end: JobState | null;
  inFlight: number;
}

interface Copy {
  readonly command: Command;
  /** Null: made when it is sent, with what is over by then. */
  readonly bytes: Uint8Array | null;
}

/** What came of one world. */
export interface OnceTally {
  /** Keys whose effect was due. */
  commands: number;
  /** Keys that were made to fail before their effect. */
  failedOnPurpose: number;
  /** Keys that failed because the disk was full; their retry is another key. */
  failedForSpace: number;
  deliveries: number;
  /** Deliveries beyond the drawn ones, because nothing was heard. */
  resent: number;
  /** Late deliveries of what was over. */
  refused: number;
  crashes: number;
  powerCuts: number;
  fullDisks: number;
  rememberedMost: number;
  /** By how many effects a key had, how many keys; those made to fail are not among them. */
  effects: Record<number, number>;
  faults: string[];
}

/** One device and its commands, from one seed. */
export class OnceWorld {
  readonly #random: Random;
  readonly #clock = new ManualClock();
  readonly #commands: Command[] = [];
  readonly #byKey = new Map<string, Command>();
  readonly #pool: Copy[] = [];
  readonly #device: OnceDevice;
  #sequence = 0;
  #desiredVersion = 0;
  readonly tally: OnceTally = {
    ...{ commands: 0, failedOnPurpose: 0, failedForSpace: 0, deliveries: 0, resent: 0, refused: 0 },
    ...{ crashes: 0, powerCuts: 0, fullDisks: 0, rememberedMost: 0 },
    effects: {},
    faults: [],
  };

  constructor(seed: number) {
    this.#random = makeSeededRandom(seed);
    this.#device = new OnceDevice(this.#random, (key) => this.#byKey.get(key)?.isMadeToFail === true);
  }

  /** Runs until so many commands were given and nothing is in flight. */
  run(commands: number): OnceTally {
    while (this.#sequence < commands || this.#pool.length > 0) {
      if (this.#mayIssue(commands)) this.#issue();
      else this.#deliverOne();
      this.#moveDesired();
    }
    for (const command of this.#commands) this.#judge(command);
    const { crashes, fullDisks, powerCuts } = this.#device;
    return Object.assign(this.tally, { crashes, fullDisks, powerCuts });
  }

  get #open(): Command[] {
    return this.#commands.filter(({ end }) => end === null);
  }

  #below(count: number): number {
    return Math.floor(this.#random.share() * count);
  }

  #mayIssue(commands: number): boolean {
    if (this.#sequence >= commands || this.#open.length >= JOBS_OPEN_MAX) return false;
    return this.#pool.length === 0 || this.#random.share() < 0.3;
  }

  #issue(): void {
    this.#sequence += 1;
    const task = TASKS[this.#below(TASKS.length)] ?? 'report';
    // A crash in the other two is their effect.
    const isMadeToFail = ON_DISK.has(task) && this.#random.share() < 0.2;
    this.#add(
      { job: newId(this.#clock, this.#random), sequence: this.#sequence, execution: 1, task },
      isMadeToFail,
    );
  }

  #add(of: Pick<Command, 'job' | 'sequence' | 'execution' | 'task'>, isMadeToFail: boolean): void {
    const desiredVersion = this.#desiredVersion;
    const key = `${of.job} ${of.execution} ${desiredVersion}`;
    const command: Command = { ...of, desiredVersion, key, isMadeToFail, end: null, inFlight: 0 };
    this.#commands.push(command);
    this.#byKey.set(key, command);
    const copies = 1 + this.#below(COPIES_MAX);
    for (let copy = 0; copy < copies; copy += 1) this.#send(command, this.#random.share() < 0.5);
  }

  #send(command: Command, isMadeNow: boolean): void {
    command.inFlight += 1;
    this.#pool.push({ command, bytes: isMadeNow ? this.#bytesOf(command) : null });
  }

  #bytesOf({ desiredVersion, execution, sequence, task }: Command): Uint8Array {
    const closedBelow = Math.min(this.#sequence + 1, ...this.#open.map((open) => open.sequence));
    const body = { execution, task, sequence, closedBelow, desiredVersion };
    return encodeMessage({ kind: 'job', device: DEVICE, at: 1, body } as Message<'job'>);
  }

  /** The device hears of desired versions late. */
  #moveDesired(): void {
    if (this.#random.share() < 0.1) this.#desiredVersion += 1;
    if (this.#random.share() < 0.2) this.#device.desiredVersion = this.#desiredVersion;
  }

  #fate(): Fate | null {
    if (this.#random.share() < 0.6) return null;
    const endings = ['killed', 'power cut', 'killed', 'power cut', 'disk full'] as const;
    const places = ['before', 'within', 'after'] as const;
    return {
      ending: endings[this.#below(endings.length)] ?? 'killed',
      afterChanges: 1 + this.#below(20),
      at: places[this.#below(places.length)] ?? 'before',
    };
  }

  #deliverOne(): void {
    const [copy] = this.#pool.splice(this.#below(this.#pool.length), 1);
    if (copy === undefined) return;
    const { command } = copy;
    command.inFlight -= 1;
    const bytes = copy.bytes ?? this.#bytesOf(command);
    const topic = topicOf({
      fleet: 'f',
      device: DEVICE,
      channel: { kind: 'job', job: command.job },
    } as never);
    const told = this.#device.deliver(topic, bytes, this.#fate());
    this.tally.deliveries += 1;
    this.tally.rememberedMost = Math.max(this.tally.rememberedMost, this.#device.remembered);
    // Not acknowledged: the broker has it still, with the bytes that it was.
    if (told === 'crashed') this.#pool.push({ command, bytes });
    if (told === 'crashed') command.inFlight += 1;
    else if (told !== null) this.#hear(command, told.state);
    if (command.end === null && command.inFlight === 0) {
      this.tally.resent += 1;
      this.#send(command, false);
    }
  }

  #hear(command: Command, state: JobState): void {
    if (state.execution !== command.execution) this.#fault(command, `answered for ${state.execution}`);
    if (state.status === 'rejected') {
      this.tally.refused += 1;
      if (command.end === null) this.#fault(command, `refused while open: ${state.message}`);
    }
    if (state.status === 'in-progress' || state.status === 'rejected') return;
    if (command.end !== null && command.end.status !== state.status)
      this.#fault(command, `told twice otherwise`);
    const isFirst = command.end === null;
    command.end = state;
    if (state.status === 'succeeded' && this.#effectsOf(command) !== 1)
      this.#fault(command, `succeeded with ${this.#effectsOf(command)} effects`);
    if (isFirst && state.status === 'failed')
      this.#add({ ...command, execution: command.execution + 1 }, false);
  }

  /** What is gone from the disk because of a key; for tasks that leave the disk alone, runs, or the start that took their place. */
  #effectsOf({ key, task }: Command): number {
    const { changes, runs } = this.#device.seen.get(key) ?? { changes: 0, runs: 0 };
    if (ON_DISK.has(task)) return changes;
    return runs === 0 && this.#device.crashes > 0 ? 1 : runs;
  }

  #judge(command: Command): void {
    if (command.isMadeToFail) {
      this.tally.failedOnPurpose += 1;
      const { changes, runs } = this.#device.seen.get(command.key) ?? { changes: 0, runs: 0 };
      if (changes + runs > 0 || command.end?.status !== 'failed') this.#fault(command, 'was to fail');
      return;
    }
    if (command.end?.code === 'DISK_FULL') {
      this.tally.failedForSpace += 1;
      if (this.#effectsOf(command) > 1)
        this.#fault(command, `failed with ${this.#effectsOf(command)} effects`);
      return;
    }
    this.tally.commands += 1;
    const effects = this.#effectsOf(command);
    this.tally.effects[effects] = (this.tally.effects[effects] ?? 0) + 1;
    if (effects !== 1 || command.end?.status !== 'succeeded')
      this.#fault(command, `${effects} effects, ${command.end?.status} ${command.end?.message}`);
  }

  #fault({ key, task }: Command, why: string): void {
    this.tally.faults.push(`${task} ${key}: ${why}`);
  }
}
