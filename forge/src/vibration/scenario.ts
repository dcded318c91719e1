// Owns the minute that a pump lives in the story: it works, its bearing starts to fail and gets worse, it is stopped and
// repaired, it works again. Used to record the committed file and, on other machines, to judge events.
import { encodeRecording, type Recording } from '@nanofleet/protocol';
import type { SensorEvent, SensorRunner } from '@nanofleet/runtime';
import { SensorStream } from '@nanofleet/runtime';
import { SeededRandom } from '../seeded-random.ts';
import { type Machine } from './machine.ts';
import { CHANNELS, type Condition, PumpSimulator, RATE_HZ, SOUND, simulate } from './simulator.ts';
import { machineOf } from './windows.ts';

/** Seconds of the scenario: the damage begins, the pump is stopped, runs again, the recording ends. */
export const TIMES = { onset: 22, stop: 40, restart: 43, end: 60 } as const;
const RAMP_SECONDS = 1;
/** Damage at the onset and just before the stop, g: clear to an instrument long before anybody hears it. */
const DAMAGE = { first: 0.3, last: 1.1 } as const;
/** Numbers of machines from here on are for the story only; training, validation and test are far below. */
const STORY_MACHINE = 9000;

/** What the machine does at a time in seconds. */
function conditionAt(second: number): Condition {
  const load = second < 10 ? 0.35 : 0.75;
  const isDamaged = second >= TIMES.onset && second < TIMES.stop + RAMP_SECONDS;
  const worsening = Math.min(1, (second - TIMES.onset) / (TIMES.stop - TIMES.onset));
  const bearingDamage = isDamaged ? DAMAGE.first * (DAMAGE.last / DAMAGE.first) ** worsening : 0;
  return { ...SOUND, load, running: runningAt(second), bearingDamage };
}

function runningAt(second: number): number {
  if (second < TIMES.stop || second >= TIMES.restart + RAMP_SECONDS) return 1;
  if (second < TIMES.stop + RAMP_SECONDS) return 1 - (second - TIMES.stop) / RAMP_SECONDS;
  return second < TIMES.restart ? 0 : (second - TIMES.restart) / RAMP_SECONDS;
}

/** The scenario on one machine. */
export function record(machine: Machine, random: SeededRandom): Recording {
  const samples = (second: number): number => second * RATE_HZ;
  return {
    rateHz: RATE_HZ,
    channels: [...CHANNELS],
    unit: 'g',
    values: simulate(new PumpSimulator(machine, random), { seconds: TIMES.end, conditionAt }),
    spans: [
      { label: 'normal', from: 0, to: samples(TIMES.onset) },
      { label: 'bearing-fault', from: samples(TIMES.onset), to: samples(TIMES.stop) },
      { label: 'standstill', from: samples(TIMES.stop), to: samples(TIMES.restart) },
      { label: 'normal', from: samples(TIMES.restart), to: samples(TIMES.end) },
    ],
    source: 'Made by `forge vibration record`: a simulated pump that no model was trained on.',
  };
}

/** Bytes of the story's recording; the same for the same seed. */
export const storyRecording = (seed: number): Uint8Array =>
  encodeRecording(record(machineOf(seed, STORY_MACHINE), new SeededRandom(seed, 'story')));

/** Plays a recording through a model as a device does, in chunks of a tenth of a second. */
export async function replay(runner: SensorRunner, recording: Recording): Promise<SensorEvent[]> {
  const stream = new SensorStream(runner.manifest);
  const step = (RATE_HZ / 10) * CHANNELS.length;
  const events: SensorEvent[] = [];
  for (let from = 0; from < recording.values.length; from += step) {
    const values = recording.values.subarray(from, from + step);
    for (const window of stream.push({ rateHz: recording.rateHz, channels: CHANNELS.length, values })) {
      events.push(...stream.settle(window, await runner.score(window.values)));
    }
  }
  return events;
}

/** How the events of a replay agree with what the machine truly did. */
export interface ReplayFigures {
  /** Seconds from the onset to the start of the event, and from the stop of the pump to its end; null when it never came. */
  readonly startDelay: number | null;
  readonly stopDelay: number | null;
  /** Events that began while nothing was wrong, or of another kind. */
  readonly falseEvents: number;
}

/** Judges the events of the scenario. */
export function judgeEvents(events: readonly SensorEvent[]): ReplayFigures {
  const secondOf = (event: SensorEvent): number => (event.sample + 1) / RATE_HZ;
  const isTrue = (event: SensorEvent): boolean =>
    event.label === 'bearing-fault' &&
    secondOf(event) >= TIMES.onset &&
    secondOf(event) < TIMES.stop + RAMP_SECONDS;
  const start = events.find((event) => event.kind === 'start' && isTrue(event));
  const stop = start && events.findLast((event) => event.kind === 'stop' && event.label === start.label);
  return {
    startDelay: start ? secondOf(start) - TIMES.onset : null,
    stopDelay: stop ? secondOf(stop) - TIMES.stop : null,
    falseEvents: events.filter((event) => event.kind === 'start' && event !== start).length,
  };
}
