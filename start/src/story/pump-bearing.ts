/**
 * Step 4: the pump's bearing begins to fail in a committed recording, and is mended. The device's sensor line must say
 * when it starts and stops, and the controller must have each of both once.
 */
import { readFile } from 'node:fs/promises';
import { decodeRecording, type SensorEventView } from '@nanofleet/protocol';
import { CLONE } from '../layout.ts';
import { countText, shareText } from '../units.ts';
import { lookUntil, outcomeOf, type Stage, type Step } from './step.ts';

const FAULT = 'bearing-fault';
const CHUNK_SAMPLES = 4_000;
const DELIVERED_WITHIN_MS = 45_000;
/** An event that starts later than this after the onset has been missed. */
const NOTICED_WITHIN_S = 3;
/** An agent that dies in the middle forgets the window that it was in: then the recording is played from its beginning. */
const TAKES_MAX = 4;

interface Recorded {
  readonly rateHz: number;
  readonly channels: number;
  readonly samples: readonly number[][];
  /** Seconds from the beginning. */
  readonly failsAt: number;
  readonly mendedAt: number;
}

async function recorded(): Promise<Recorded> {
  const { rateHz, channels, values, spans } = decodeRecording(await readFile(CLONE.recording));
  const width = channels.length;
  const samples = Array.from({ length: values.length / width }, (_, row) =>
    Array.from(values.subarray(row * width, (row + 1) * width)),
  );
  const faults = spans.filter(({ label }) => label === FAULT);
  const failsAt = (faults[0]?.from ?? Number.NaN) / rateHz;
  return { rateHz, channels: width, samples, failsAt, mendedAt: (faults.at(-1)?.to ?? Number.NaN) / rateHz };
}

interface Take {
  readonly events: readonly SensorEventView[];
  readonly windows: number;
}

/** Plays the whole recording into the agent; again from the beginning when the agent was started again meanwhile. */
async function play({ fleet, ledger }: Stage, { samples, rateHz, channels }: Recorded): Promise<Take> {
  const pump = fleet.agent('pump-1');
  let take: Take = { events: [], windows: 0 };
  for (let number = 0; number < TAKES_MAX; number += 1) {
    const lives = () => (fleet.restarts['pump-1'] ?? 0) + pump.interrupted;
    const before = lives();
    take = { events: [], windows: 0 };
    for (let at = 0; at < samples.length && lives() === before; at += CHUNK_SAMPLES) {
      const answer = await pump.samples({ rateHz, samples: samples.slice(at, at + CHUNK_SAMPLES) });
      take = { events: [...take.events, ...answer.events], windows: take.windows + answer.windows };
    }
    ledger.samples = { count: ledger.samples.count + samples.length, channels };
    if (lives() === before) break;
  }
  return take;
}

async function played(stage: Stage) {
  const recording = await recorded();
  const after = await stage.fleet.operator.newestPosition();
  const { events, windows } = await play(stage, recording);
  const start = events.find(({ phase }) => phase === 'start');
  const stop = events.find(({ phase, occurrence }) => phase === 'stop' && occurrence === start?.occurrence);
  const isOurs = (item: { event: Record<string, unknown> }) => item.event['occurrence'] === start?.occurrence;
  const stored = await lookUntil(stage.world, {
    look: async () => (await stage.fleet.operator.eventsAfter(after, 'sensor-event')).filter(isOurs),
    until: (seen) => seen.length >= 2,
    withinMs: DELIVERED_WITHIN_MS,
    everyMs: 100,
  });
  return judged(recording, {
    events,
    windows,
    start,
    stop,
    phases: stored.map(({ event }) => event['phase']),
  });
}

function judged(
  recording: Recorded,
  seen: Take & {
    start: SensorEventView | undefined;
    stop: SensorEventView | undefined;
    phases: readonly unknown[];
  },
) {
  const { rateHz, failsAt, mendedAt, samples } = recording;
  const { events, windows, start, stop, phases } = seen;
  // The agent counts samples since its stream began: a second story on the same stream begins behind the first one.
  const before = Math.floor((start?.sample ?? 0) / samples.length) * samples.length;
  const secondsAt = (event: SensorEventView | undefined) => ((event?.sample ?? Number.NaN) - before) / rateHz;
  const text = (seconds: number) => `${seconds.toFixed(1)} s`;
  return outcomeOf({
    lines: [
      `pump-1: ${start?.label ?? 'no event'} from ${text(secondsAt(start))} to ${text(secondsAt(stop))} (it failed at ${text(failsAt)}, was mended at ${text(mendedAt)})`,
      `${text(samples.length / rateHz)} of vibration in ${countText(windows)} windows stayed on the device, ${events.length} events left it; ${shareText(start?.confidence ?? 0)} sure`,
    ],
    evidence: {
      events,
      windows,
      failsAt,
      mendedAt,
      startsAt: secondsAt(start),
      stopsAt: secondsAt(stop),
      phases,
    },
    checks: [
      [
        start !== undefined && stop !== undefined,
        `expected a start and a stop, seen ${JSON.stringify(events)}`,
      ],
      [events.length === 2, `expected one event, seen ${JSON.stringify(events)}`],
      [start?.label === FAULT, `expected ${FAULT}, seen ${start?.label}`],
      [
        secondsAt(start) >= failsAt && secondsAt(start) <= failsAt + NOTICED_WITHIN_S,
        `expected the start within ${NOTICED_WITHIN_S} s after ${text(failsAt)}, seen at ${text(secondsAt(start))}`,
      ],
      [
        secondsAt(stop) >= mendedAt,
        `expected the stop after ${text(mendedAt)}, seen at ${text(secondsAt(stop))}`,
      ],
      [
        phases.length === 2 && phases.includes('start') && phases.includes('stop'),
        `expected start and stop at the controller once each, seen ${JSON.stringify(phases)}`,
      ],
    ],
  });
}

/** The failing bearing. */
export const PUMP_BEARING: Step = {
  name: 'pump-bearing',
  doing: 'pump-1 listens to its bearing',
  play: played,
};
