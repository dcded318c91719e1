// Behaviour of the committed vibration bundle on the committed recording and on other machines that it never saw.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { decodeRecording } from '@nanofleet/protocol';
import type { SensorEvent, SensorRunner } from '@nanofleet/runtime';
import { inspectBundle, loadSensorRunner } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { judgeEvents, record, replay, storyRecording, TIMES } from './scenario.ts';
import { RATE_HZ } from './simulator.ts';
import { machineOf } from './windows.ts';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const committed = await readFile(fromRoot('start/story/pump.recording'));

let runner: SensorRunner;
beforeAll(async () => {
  runner = await loadSensorRunner(await inspectBundle(fromRoot('bundles/vibration-1')));
});
afterAll(() => runner.release());

describe('the committed recording', () => {
  it('is what its command makes, up to the last bits of the mathematics of a processor', () => {
    const [stored, made] = [decodeRecording(committed), decodeRecording(storyRecording(1))];
    expect({ ...stored, values: [] }).toEqual({ ...made, values: [] });
    const farthest = stored.values.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - (made.values[at] ?? 9))),
      0,
    );
    expect(farthest).toBeLessThan(0.001);
    expect(committed.length).toBeLessThan(300_000);
  });

  it('gives one event: it starts within two seconds of the damage and stops when the pump is stopped', async () => {
    const { startDelay, stopDelay, falseEvents } = judgeEvents(
      await replay(runner, decodeRecording(committed)),
    );
    expect(falseEvents).toBe(0);
    expect(startDelay).toBeGreaterThan(0);
    expect(startDelay).toBeLessThan(2);
    expect(stopDelay).toBeGreaterThan(0);
    expect(stopDelay).toBeLessThan(4);
  });
});

describe('the committed bundle', () => {
  it.each([7001, 7002, 7003, 7004, 7005, 7006])(
    'finds the damage of unknown machine %d in time, and nothing else',
    async (number) => {
      const recording = record(machineOf(1, number), new SeededRandom(1, 'replay', number));
      const { startDelay, falseEvents } = judgeEvents(await replay(runner, recording));
      expect(startDelay).toBeLessThan(2);
      expect(falseEvents).toBe(0);
    },
  );
});

describe('judgeEvents', () => {
  const event = (kind: SensorEvent['kind'], label: string, second: number): SensorEvent => ({
    kind,
    label,
    sample: second * RATE_HZ - 1,
    sinceSample: 0,
    confidence: 1,
  });

  it('tells delays from false and missing events', () => {
    const early = event('start', 'bearing-fault', TIMES.onset - 1);
    const other = event('start', 'imbalance', TIMES.onset + 1);
    const right = [
      event('start', 'bearing-fault', TIMES.onset + 1),
      event('stop', 'bearing-fault', TIMES.stop + 2),
    ];
    expect(judgeEvents(right)).toEqual({ startDelay: 1, stopDelay: 2, falseEvents: 0 });
    expect(judgeEvents([early, other])).toEqual({ startDelay: null, stopDelay: null, falseEvents: 2 });
    expect(judgeEvents([...right, event('start', 'bearing-fault', TIMES.restart + 5)]).falseEvents).toBe(1);
  });
});
