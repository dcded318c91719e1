// Behaviour of recordings: read back within half a step, refused when damaged.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NanofleetError } from './errors.ts';
import { decodeRecording, encodeRecording, type Recording } from './recording.ts';

const recording: Recording = {
  rateHz: 800,
  channels: ['x', 'y'],
  unit: 'g',
  spans: [{ label: 'normal', from: 0, to: 2 }],
  source: 'made up',
  values: Float32Array.of(0.5, -1, 0.25, 0),
};

describe('a recording', () => {
  it('reads back with its header, and its values within half a step', () => {
    const read = decodeRecording(encodeRecording(recording));
    expect({ ...read, values: [] }).toEqual({ ...recording, values: [] });
    read.values.forEach((value, at) =>
      expect(Math.abs(value - (recording.values[at] ?? 0))).toBeLessThan(1 / 32_000),
    );
  });

  it('reads back silence', () => {
    expect(decodeRecording(encodeRecording({ ...recording, values: new Float32Array(4) })).values).toEqual(
      new Float32Array(4),
    );
  });

  it('is refused when its samples are torn or its beginning is missing', () => {
    const bytes = encodeRecording(recording);
    expect(() => decodeRecording(bytes.subarray(0, -1))).toThrow('torn');
    expect(() => decodeRecording(bytes.subarray(1))).toThrow('NFR1');
    expect(() => decodeRecording(new Uint8Array())).toThrow('NFR1');
  });

  it('ends in a recording or FRAME_MALFORMED when any byte is changed', () => {
    const bytes = encodeRecording(recording);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Uint8Array.from(bytes);
        changed[at] = value;
        let outcome = 'read';
        try {
          decodeRecording(changed);
        } catch (thrown) {
          outcome = thrown instanceof NanofleetError ? thrown.code : String(thrown);
        }
        expect(outcome).toMatch(/^(read|FRAME_MALFORMED)$/);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
