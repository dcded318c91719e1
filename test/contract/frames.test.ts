// Binary frames against arbitrary frames and arbitrary bytes.
import {
  decodeFrame,
  encodeFrame,
  FRAME_HEADER_BYTES,
  FRAME_KINDS,
  type Frame,
  type FrameKind,
  NanofleetError,
  type Uuid,
} from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const SEED = 20261123;
const frames = fc.record({
  kind: fc.constantFrom(...(Object.keys(FRAME_KINDS) as FrameKind[])),
  correlation: fc.uuid({ version: 7 }).map((text) => text as Uuid),
  index: fc.integer({ min: 0, max: 0xffffffff }),
  isLast: fc.boolean(),
  payload: fc.uint8Array({ maxLength: 600 }),
}) satisfies fc.Arbitrary<Frame>;

const outcomeOf = (bytes: Uint8Array): Frame | NanofleetError => {
  try {
    return decodeFrame(bytes);
  } catch (thrown) {
    if (thrown instanceof NanofleetError) return thrown;
    throw thrown;
  }
};

describe('a frame', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  });

  it('has one encoding only: what decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(
        frames,
        fc.nat({ max: FRAME_HEADER_BYTES - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (frame, at, flip) => {
          const bytes = encodeFrame(frame);
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          const outcome = outcomeOf(bytes);
          const again = outcome instanceof NanofleetError ? bytes : encodeFrame(outcome);
          expect(again).toEqual(bytes);
        },
      ),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  it('cut short or grown by a byte is refused', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const bytes = encodeFrame(frame);
        expect(outcomeOf(bytes.subarray(0, -1))).toMatchObject({ code: 'FRAME_MALFORMED' });
        expect(outcomeOf(Uint8Array.of(...bytes, 0))).toMatchObject({ code: 'FRAME_MALFORMED' });
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('of any bytes is a frame or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(outcomeOf(bytes)).toBeInstanceOf(NanofleetError);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});
