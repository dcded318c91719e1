// Behaviour of the labelled windows: repeatable, complete, and sets that share no machine.
import { describe, expect, it } from 'vitest';
import { drawDisturbances, KNOWN_KINDS, UNSEEN_KINDS } from './disturbances.ts';
import { cut, drawWindows, LABELS, SENSOR } from './windows.ts';

const WINDOW = SENSOR.channels.length * SENSOR.windowSamples;

describe('drawWindows', () => {
  const windows = drawWindows({ seed: 3, first: 10, machines: 2 });

  it('gives windows of every label for every machine', () => {
    const kinds = new Set(windows.map(({ machine, label }) => `${machine}/${label}`));
    expect([...kinds].toSorted()).toEqual(
      [10, 11].flatMap((machine) => LABELS.map((_, label) => `${machine}/${label}`)),
    );
    expect(windows.every(({ values }) => values.length === WINDOW)).toBe(true);
  });

  it('gives a machine the same windows in whatever set it is drawn', () => {
    const alone = drawWindows({ seed: 3, first: 11, machines: 1 });
    expect(alone).toEqual(windows.filter(({ machine }) => machine === 11));
    expect(alone[0]?.values).not.toEqual(windows[0]?.values);
  });
});

describe('drawDisturbances', () => {
  it('gives finite windows of each kind, others for another seed', () => {
    for (const kind of [...KNOWN_KINDS, ...UNSEEN_KINDS]) {
      const [first, second] = [1, 2].map((seed) => drawDisturbances({ seed, kinds: [kind], runsOfEach: 1 }));
      expect(first?.length).toBeGreaterThan(5);
      expect(first?.every((window) => window.every(Number.isFinite))).toBe(true);
      expect(first).not.toEqual(second);
    }
  });
});

describe('cut', () => {
  it('cuts as the device does: a window each hop', () => {
    const samples = SENSOR.windowSamples + 3 * SENSOR.hopSamples;
    expect(cut(new Float32Array(samples * SENSOR.channels.length))).toHaveLength(4);
  });
});
