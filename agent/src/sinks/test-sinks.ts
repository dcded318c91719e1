/** What tests of sinks share: sinks over a broker in memory and a clock that stands still, decisions and events. Only tests import it. */
import type { Decision, OutboundEntry, SensorEventView } from '@nanofleet/protocol';
import { silentLog } from '@nanofleet/runtime/ports';
import { eventually, ManualClock, MemoryBroker, makeSeededRandom } from '@nanofleet/runtime/testing';
import * as yaml from 'yaml';
import { checkConfigText } from '../config/config-mistakes.ts';
import { fileDisk } from '../ports/file-disk.ts';
import { sendHttp } from '../ports/http-client.ts';
import { runProgram } from '../ports/programs.ts';
import type { LineShape } from './home-assistant-discovery.ts';
import { Sinks } from './sinks.ts';

const running: Sinks[] = [];

/** Ends all that were started. */
export const endSinks = async (): Promise<void> => {
  await Promise.all(running.splice(0).map((sinks) => sinks.close()));
};

const shapeOf = (line: string, labels: string[]): LineShape => ({
  line: line as LineShape['line'],
  task: line === 'intent' ? 'text-intent' : 'sensor-event',
  version: '1.0.0',
  labels,
});

/** Starts the sinks of a text. */
export const startSinks = (text: string) => {
  const { config, mistakes } = checkConfigText(`version: 1\nsinks:\n${text}`, yaml);
  if (config === null) throw new TypeError(JSON.stringify(mistakes));
  const broker = new MemoryBroker();
  const clock = new ManualClock();
  const failing: (string | null)[] = [];
  const left: OutboundEntry[] = [];
  const pressed: string[] = [];
  const lines = [shapeOf('intent', ['HassTurnOn', 'weather']), shapeOf('vibration', ['bearing-fault'])];
  const sinks = new Sinks({
    sinks: config.sinks,
    http: sendHttp,
    run: runProgram,
    clock,
    random: makeSeededRandom(1),
    disk: fileDisk,
    log: silentLog,
    transport: broker.transport,
    device: 'home-1',
    controls: {
      fleet: 'homes',
      agentVersion: '0.1.0',
      lines: () => lines,
      beginWindow: (line) => Promise.resolve(void pressed.push(line)),
      forgetExamples: () => void pressed.push('forget'),
    },
    policy: () => 'none',
    leaving: (entry) => void left.push(entry),
    failing: (error) => void failing.push(error === null ? null : error.message),
  });
  running.push(sinks);
  sinks.start();
  /** Lets time pass until something holds. */
  const until = (check: () => void, stepMs = 50) =>
    eventually(() => {
      clock.advance(stepMs);
      check();
      return Promise.resolve();
    });
  const heard = (): ({ topic: string } & Record<string, unknown>)[] =>
    broker.seen.map(({ topic, payload }) => ({
      topic,
      ...(JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>),
    }));
  return { sinks, broker, clock, failing, left, until, heard, pressed, lines };
};

/** What is decided on. */
export const TEXT = 'turn on the lamp in the kitchen';
let count = 0;
/** A decision of the household line on it. */
export const decision = (changes: Partial<Decision> = {}): Decision => {
  count += 1;
  return {
    id: `0190a000-0000-7000-8000-${String(count).padStart(12, '0')}` as Decision['id'],
    line: 'intent' as Decision['line'],
    version: '2.0.0',
    digest: 'd'.repeat(64) as Decision['digest'],
    label: 'HassTurnOn',
    confidence: 0.98,
    outOfScope: 0.01,
    verdict: 'sure',
    tier: 'nano',
    micros: 70,
    offload: { status: 'none' },
    entities: [
      { type: 'name', start: 12, end: 16 },
      { type: 'area', start: 24, end: 31, value: { kind: 'area', name: 'Kitchen' } },
    ],
    ...changes,
  };
};
/** Beginning or end of an event of a sensor line. */
export const event = (phase: 'start' | 'stop', changes: Partial<SensorEventView> = {}): SensorEventView => ({
  occurrence: '0190a000-0000-7000-8000-00000000000a' as SensorEventView['occurrence'],
  phase,
  label: 'bearing-fault',
  confidence: 0.9,
  sample: 4_000,
  line: 'vibration' as SensorEventView['line'],
  version: '1.0.0',
  ...changes,
});
