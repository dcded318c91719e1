/**
 * Step 4: the pump's bearing begins to fail in a committed recording, and is mended. The device's sensor line must say
 * when it starts and stops, and the controller must have each of both once.
 */
import type { SensorEventView } from '@nanofleet/protocol';
import { CLONE } from '../layout.ts';
import { countText, shareText } from '../units.ts';
import { type Recording, readRecording } from './recording.ts';
import { lookUntil, outcomeOf, type Stage, type Step } from './step.ts';

const CHUNK_SAMPLES = 4_000;
const DELIVERED_WITHIN_MS = 20_000;
/** An event that starts later than this after the onset has been missed. */
const NOTICED_WITHIN_S = 3;

async function feed({ fleet, ledger }: Stage, recording: Recording) {
  const pump = fleet.agent('pump-1');
  const events: SensorEventView[] = [];
  let windows = 0;
  for (let at = 0; at < recording.samples.length; at += CHUNK_SAMPLES) {
    const samples = recording.samples.slice(at, at + CHUNK_SAMPLES).map((row) => [...row]);
    const answer = await pump.samples({ rateHz: recording.rateHz, samples });
    events.push(...answer.events);
    windows += answer.windows;
  }
  ledger.samples = { count: ledger.samples.count + recording.samples.length, channels: recording.channels };
  return { events, windows };
}

/** Samples that the agent's stream had seen before this recording: an agent goes on counting. */
const offsetOf = (events: readonly SensorEventView[], recording: Recording): number => {
  const first = events[0]?.sample ?? 0;
  return Math.floor(first / recording.samples.length) * recording.samples.length;
};

async function play(stage: Stage) {
  const recording = await readRecording(CLONE.recording);
  const newest = await stage.fleet.operator.eventsAfter(0, 'sensor-event');
  const after = newest.at(-1)?.position ?? 0;
  const { events, windows } = await feed(stage, recording);
  const offset = offsetOf(events, recording);
  const start = events.find(({ phase }) => phase === 'start');
  const stop = events.find(({ phase, occurrence }) => phase === 'stop' && occurrence === start?.occurrence);
  const secondsAt = (event: SensorEventView | undefined) =>
    ((event?.sample ?? Number.NaN) - offset) / recording.rateHz;
  const onset = recording.faultFrom / recording.rateHz;
  const mended = recording.faultTo / recording.rateHz;
  const stored = await lookUntil(stage.world, {
    look: () => stage.fleet.operator.eventsAfter(after, 'sensor-event'),
    until: (seen) => seen.length >= events.length,
    withinMs: DELIVERED_WITHIN_MS,
    everyMs: 100,
  });
  const phases = stored
    .filter(({ event }) => event['occurrence'] === start?.occurrence)
    .map(({ event }) => event['phase']);
  const length = recording.samples.length / recording.rateHz;
  return outcomeOf({
    lines: [
      `pump-1: ${start?.label ?? 'nothing'} starts at ${secondsAt(start).toFixed(1)} s (it fails from ${onset.toFixed(1)} s), stops at ${secondsAt(stop).toFixed(1)} s (mended at ${mended.toFixed(1)} s)`,
      `${length.toFixed(0)} s of vibration in ${countText(windows)} windows stayed on the device, ${events.length} events left it; ${shareText(start?.confidence ?? 0)} sure`,
    ],
    evidence: { events, windows, onsetSeconds: onset, mendedSeconds: mended, storedPhases: phases },
    checks: [
      [
        start !== undefined && stop !== undefined,
        `expected a start and a stop, seen ${JSON.stringify(events)}`,
      ],
      [events.length === 2, `expected one event, seen ${JSON.stringify(events)}`],
      [
        secondsAt(start) >= onset && secondsAt(start) <= onset + NOTICED_WITHIN_S,
        `expected the start within ${NOTICED_WITHIN_S} s after ${onset} s, seen at ${secondsAt(start)} s`,
      ],
      [secondsAt(stop) >= mended, `expected the stop after ${mended} s, seen at ${secondsAt(stop)} s`],
      [
        phases.length === 2 && phases.includes('start') && phases.includes('stop'),
        `expected start and stop at the controller once each, seen ${JSON.stringify(phases)}`,
      ],
    ],
  });
}

/** The failing bearing. */
export const PUMP_BEARING: Step = { name: 'pump-bearing', doing: 'pump-1 listens to its bearing', play };
