// Durable events a second, from simulated devices over mosquitto through a real controller into PostgreSQL, beside batched
// `unnest` alone; then a kill -9 of the controller in the middle, after which nothing may be missing or counted twice.
// Options: --devices N (1000), --records N per device (50), --window N (20).
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Engines, type LoadController } from '../load/engines.ts';
import { RawDevice } from '../load/raw-device.ts';
import { printTable, rounded } from './parts/figures.ts';
import { insertAlone } from './parts/unnest-alone.ts';

const EPOCH = '0123456789abcdef';
const LOOK_MS = 20;
const SILENCE_MS = 20_000;
const WITHIN_MS = 300_000;
/** proc(5): clock ticks of Linux on all platforms that Node runs on. */
const TICKS_PER_S = 100;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** CPU seconds of a process, user and system. */
const cpuOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
};

/** All devices as one sender. */
class Senders {
  readonly #devices: readonly RawDevice[];

  constructor(devices: readonly RawDevice[]) {
    this.#devices = devices;
  }

  get acknowledged(): number {
    return this.#devices.reduce((sum, device) => sum + device.acknowledged, 0);
  }

  get produced(): number {
    return this.#devices.reduce((sum, device) => sum + device.produced, 0);
  }

  async connect(): Promise<void> {
    for (const device of this.#devices) await device.connect();
  }

  /** Lets each send so many more, and waits until all are acknowledged; seconds. `during` happens in the middle. */
  async send(records: number, during: () => Promise<void> = () => Promise.resolve()): Promise<number> {
    const begun = performance.now();
    const half = this.produced + (this.#devices.length * records) / 2;
    for (const device of this.#devices) device.produce(records);
    let isDuring = false;
    while (this.acknowledged < this.produced && performance.now() - begun < WITHIN_MS) {
      if (!isDuring && this.acknowledged >= half) {
        isDuring = true;
        await during();
      }
      for (const device of this.#devices) device.checkSilence(SILENCE_MS);
      await pause(LOOK_MS);
    }
    return (performance.now() - begun) / 1_000;
  }

  close(): void {
    for (const device of this.#devices) device.close();
  }
}

interface Measured {
  readonly rowsPerS: number;
  readonly controllerMicros: number;
  readonly brokerMicros: number;
}

const measure = async (
  engines: Engines,
  { controller, records, senders }: { controller: LoadController; records: number; senders: Senders },
): Promise<Measured> => {
  const cpu = () => ({ controller: cpuOf(controller.pid), broker: cpuOf(engines.broker.pid) });
  const [before, rowsBefore] = [cpu(), senders.acknowledged];
  const seconds = await senders.send(records);
  const [after, rows] = [cpu(), senders.acknowledged - rowsBefore];
  return {
    rowsPerS: rows / seconds,
    controllerMicros: ((after.controller - before.controller) / rows) * 1e6,
    brokerMicros: ((after.broker - before.broker) / rows) * 1e6,
  };
};

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string', default: '1000' },
      records: { type: 'string', default: '50' },
      window: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const [count, records, rounds] = [Number(values.devices), Number(values.records), Number(values.rounds)];
  const engines = await Engines.open();
  try {
    const controller = await engines.controller('only');
    const enrolBegun = performance.now();
    const logins = await engines.enrol(controller, count);
    const enrolPerS = count / ((performance.now() - enrolBegun) / 1_000);
    console.log(`${count} devices enrolled, ${rounded(enrolPerS)} a second`);
    const options = { port: engines.port, epoch: EPOCH, window: Number(values.window) };
    const senders = new Senders(logins.map((login) => new RawDevice({ ...options, login })));
    await senders.connect();
    await senders.send(Math.ceil(records / 5));
    const alone: number[] = [];
    const ingest: Measured[] = [];
    // Interleaved, so that the noise of the machine hits both alike.
    for (let round = 0; round < rounds; round += 1) {
      alone.push(await insertAlone(engines.database, count * records));
      ingest.push(await measure(engines, { controller, records, senders }));
      console.log(`round ${round + 1} of ${rounds}: ${senders.acknowledged} acknowledged`);
    }
    await senders.send(records, async () => {
      await controller.kill();
      await controller.restart();
    });
    const { produced, acknowledged } = senders;
    senders.close();
    const { stored, tallied } = await engines.counts();
    const rowsPerS = median(ingest.map((one) => one.rowsPerS));
    const aloneRowsPerS = median(alone);
    printTable([
      ['rows/s', 'median', 'each round'],
      ['batched unnest alone', rounded(aloneRowsPerS), alone.map(rounded).join(' ')],
      ['devices to database', rounded(rowsPerS), ingest.map((one) => rounded(one.rowsPerS)).join(' ')],
    ]);
    const figures = {
      bench: 'ingest',
      devices: count,
      rowsPerS: Math.round(rowsPerS),
      aloneRowsPerS: Math.round(aloneRowsPerS),
      ratio: rounded(rowsPerS / aloneRowsPerS),
      controllerMicros: rounded(median(ingest.map((one) => one.controllerMicros))),
      brokerMicros: rounded(median(ingest.map((one) => one.brokerMicros))),
      enrolPerS: rounded(enrolPerS),
      afterKill: { produced, acknowledged, lost: produced - stored, doubled: tallied - stored },
    };
    console.log(JSON.stringify(figures));
    process.exitCode = stored === produced && tallied === stored && acknowledged === produced ? 0 : 1;
  } finally {
    await engines.close();
  }
}

await main();
