import { ACK_RANGES_MAX, ackSchema, type DeviceId, type Epoch } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acksOf, rangesOf } from './acknowledge.ts';

const device = 'lamp' as DeviceId;
const epoch = '0123456789abcdef' as Epoch;

describe('rangesOf', () => {
  it('covers exactly the given numbers, ascending and apart', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60)), (sequences) => {
        const ranges = rangesOf(sequences);
        const covered = ranges.flatMap(([from, to]) =>
          Array.from({ length: to - from + 1 }, (_, index) => from + index),
        );
        expect(covered).toEqual([...new Set(sequences)].sort((left, right) => left - right));
        for (const [at, [from]] of ranges.entries()) {
          expect(from).toBeGreaterThan((ranges[at - 1]?.[1] ?? -2) + 1);
        }
      }),
      { seed: 11 },
    );
  });
});

describe('acksOf', () => {
  it('keeps devices and logs apart', () => {
    const other = 'fedcba9876543210' as Epoch;
    const acks = acksOf([
      { device, epoch, sequence: 1 },
      { device, epoch: other, sequence: 2 },
      { device: 'door' as DeviceId, epoch, sequence: 3 },
      { device, epoch, sequence: 0 },
    ]);
    expect(acks).toEqual([
      { device, ack: { epoch, ranges: [[0, 1]] } },
      { device, ack: { epoch: other, ranges: [[2, 2]] } },
      { device: 'door', ack: { epoch, ranges: [[3, 3]] } },
    ]);
  });

  it('cuts what is beyond the limit of ranges into several messages', () => {
    const records = Array.from({ length: ACK_RANGES_MAX + 1 }, (_, index) => ({
      device,
      epoch,
      sequence: index * 2,
    }));
    const acks = acksOf(records);
    expect(acks.map(({ ack }) => ack.ranges.length)).toEqual([ACK_RANGES_MAX, 1]);
    for (const { ack } of acks) expect(ackSchema.safeParse(ack).success).toBe(true);
  });
});
