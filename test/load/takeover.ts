// Two controllers share a fleet that sends without pause; one is killed. What its devices had sent and what they go on
// sending must be stored once, acknowledged, and their questions answered, by the other one. Measures; judges nothing.
import { TestDevice } from '@nanofleet/controller/testing';
import { assert, type BodyOf, type Shard, shardOf } from '@nanofleet/protocol';
import { Engines, type LoadController } from './engines.ts';
import { RawDevice, type RawLogin } from './raw-device.ts';

const LOOK_MS = 100;
const SILENCE_MS = 20_000;
const EPOCH = '0123456789abcdef';
const WINDOW = 16;

/** How much. */
export interface TakeoverPlan {
  readonly devices: number;
  /** Records of each device. */
  readonly records: number;
  /** Everything must be done by then, or it counts as lost. */
  readonly withinMs: number;
}

/** What was seen. */
export interface TakeoverSeen {
  /** Shards of each of the two before the kill, and of both after the restart. */
  readonly sharesBefore: readonly number[];
  readonly sharesAfter: readonly number[];
  /** From the kill to the first acknowledgement of a device, the slowest shard of those that were taken over. */
  readonly takeoverMs: number;
  readonly produced: number;
  readonly acknowledged: number;
  readonly stored: number;
  /** What the effects add up to; more than stored means that something counted twice. */
  readonly tallied: number;
  /** Whether a question that came while nobody held its shard was answered. */
  readonly isAnswered: boolean;
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Looks until something is so, or the time is over; whether it is. */
const until = async (isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> => {
  for (const end = performance.now() + withinMs; performance.now() < end; await pause(LOOK_MS)) {
    if (await isSo()) return true;
  }
  return isSo();
};

const holders = async ({ database }: Engines): Promise<Map<Shard, string | null>> => {
  const rows = await database.query<{ shard: Shard; holder: string | null }>(
    'select shard, holder from shard_leases',
  );
  return new Map(rows.map(({ holder, shard }) => [shard, holder]));
};

const sharesOf = async (engines: Engines): Promise<number[]> => {
  const shares = new Map<string, number>();
  for (const holder of (await holders(engines)).values()) {
    if (holder !== null) shares.set(holder, (shares.get(holder) ?? 0) + 1);
  }
  return [...shares.values()].toSorted((one, other) => one - other);
};

const areShared = (engines: Engines) => async (): Promise<boolean> =>
  (await sharesOf(engines)).join(' ') === '8 8';

/** A fleet of raw devices, and when each shard was first heard of again. */
class Sending {
  readonly devices: RawDevice[];
  readonly heardMs = new Map<Shard, number>();

  constructor(logins: readonly RawLogin[], port: number) {
    this.devices = logins.map((login) => {
      const shard = shardOf(login.device);
      const acknowledged = (): void => {
        if (!this.heardMs.has(shard)) this.heardMs.set(shard, performance.now());
      };
      return new RawDevice({ login, port, epoch: EPOCH, window: WINDOW, acknowledged });
    });
  }

  get acknowledged(): number {
    return this.devices.reduce((sum, device) => sum + device.acknowledged, 0);
  }

  get produced(): number {
    return this.devices.reduce((sum, device) => sum + device.produced, 0);
  }

  produce(count: number): void {
    for (const device of this.devices) device.produce(count);
  }
}

const QUESTION = {
  decision: '01890a5d-ac96-774b-bcce-b302099a8057',
  line: 'intent',
  version: '1.0.0',
  text: 'is it going to rain',
  redacted: {},
  local: { label: 'weather', confidence: 0.3, outOfScope: 0.2, verdict: 'unsure' },
};

const ask = async (asker: TestDevice): Promise<void> => {
  const body = QUESTION as BodyOf<'offload/req'>;
  await asker.send('offload/req', body, {
    record: { epoch: EPOCH, sequence: 0 },
    correlation: body.decision,
    remainingMs: 120_000,
  });
};

/** Runs it on engines of its own. */
export const runTakeover = async (plan: TakeoverPlan): Promise<TakeoverSeen> => {
  const engines = await Engines.open();
  try {
    const first = await engines.controller('first');
    const second = await engines.controller('second');
    return await takeover(engines, { first, second, plan });
  } finally {
    await engines.close();
  }
};

const takeover = async (
  engines: Engines,
  { first, plan, second }: { first: LoadController; second: LoadController; plan: TakeoverPlan },
): Promise<TakeoverSeen> => {
  const logins = await engines.enrol(first, plan.devices + 1);
  await until(areShared(engines), plan.withinMs);
  const sharesBefore = await sharesOf(engines);
  const before = await holders(engines);
  const [asking, ...senders] = logins;
  assert(asking !== undefined, 'there is a device that asks');
  const victim = before.get(shardOf(asking.device)) === first.id ? first : second;
  const asker = new TestDevice(asking, { brokerUrl: engines.broker.url });
  const sending = new Sending(senders, engines.port);
  const silence = setInterval(() => {
    for (const device of sending.devices) device.checkSilence(SILENCE_MS);
  }, 1_000);
  try {
    await asker.connect();
    await Promise.all(sending.devices.map((device) => device.connect()));
    sending.produce(plan.records);
    await until(() => sending.acknowledged > sending.produced / 4, plan.withinMs);
    sending.heardMs.clear();
    const killedMs = performance.now();
    await victim.kill();
    await ask(asker);
    sending.produce(plan.records);
    await until(() => sending.acknowledged === sending.produced, plan.withinMs);
    const isAnswered = await until(() => asker.answers.length > 0, plan.withinMs);
    const orphaned = [...before].filter(([, holder]) => holder === victim.id).map(([shard]) => shard);
    const times = orphaned.flatMap((shard) => sending.heardMs.get(shard) ?? []);
    await victim.restart();
    await until(areShared(engines), plan.withinMs);
    return {
      sharesBefore,
      sharesAfter: await sharesOf(engines),
      takeoverMs: Math.round(Math.max(...times) - killedMs),
      produced: sending.produced,
      acknowledged: sending.acknowledged,
      ...(await engines.counts()),
      isAnswered,
    };
  } finally {
    clearInterval(silence);
    await asker.close();
    for (const device of sending.devices) device.close();
  }
};
