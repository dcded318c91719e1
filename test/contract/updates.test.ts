// Model updates and streams of frames against arbitrary values and arbitrary bytes.
import {
  type Digest,
  decodeUpdate,
  encodeUpdate,
  FRAME_PAYLOAD_BYTES_MAX,
  FrameAssembly,
  framesOf,
  NanofleetError,
  type Update,
  type Uuid,
} from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const SEED = 20261125;
const ROUND = '01933b6c-0000-7000-8000-000000000001' as Uuid;

const codes = fc
  .array(fc.integer({ min: -127, max: 127 }), { maxLength: 300 })
  .map((list) => Int8Array.from(list));
const scale = fc
  .float({ min: Math.fround(1e-30), max: Math.fround(1e30), noNaN: true })
  .filter((value) => value > 0);
const updates = fc.record({
  base: fc.stringMatching(/^[0-9a-f]{64}$/).map((text) => text as Digest),
  labelsVersion: fc.integer({ min: 1, max: 0xffffffff }),
  examples: fc.integer({ min: 0, max: 0xffffffff }),
  tensors: fc.array(fc.record({ scale, codes }), { minLength: 1, maxLength: 4 }),
}) satisfies fc.Arbitrary<Update>;

const outcomeOf = (bytes: Uint8Array): Update | NanofleetError => {
  try {
    return decodeUpdate(bytes);
  } catch (thrown) {
    if (thrown instanceof NanofleetError) return thrown;
    throw thrown;
  }
};

const joined = (assembly: FrameAssembly, bytes: Uint8Array): Uint8Array | null =>
  framesOf({ kind: 'update', correlation: ROUND, bytes }).reduce<Uint8Array | null>(
    (_, frame) => assembly.take(frame),
    null,
  );

/** Comparing half a megabyte element by element would take seconds. */
const isSame = (bytes: Uint8Array | null | undefined, expected: Uint8Array): boolean =>
  bytes !== null && bytes !== undefined && Buffer.compare(bytes, expected) === 0;

describe('a model update', () => {
  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(updates, (update) => {
        expect(decodeUpdate(encodeUpdate(update))).toEqual(update);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('has one encoding only: what decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(updates, fc.nat({ max: 90 }), fc.integer({ min: 1, max: 255 }), (update, at, flip) => {
        const bytes = encodeUpdate(update);
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ flip;
        const outcome = outcomeOf(bytes);
        expect(outcome instanceof NanofleetError ? bytes : encodeUpdate(outcome)).toEqual(bytes);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('cut short or grown by a byte is refused', () => {
    fc.assert(
      fc.property(updates, (update) => {
        const bytes = encodeUpdate(update);
        expect(outcomeOf(bytes.subarray(0, -1))).toMatchObject({ code: 'UPDATE_MALFORMED' });
        expect(outcomeOf(Uint8Array.of(...bytes, 0))).toMatchObject({ code: 'UPDATE_MALFORMED' });
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 0, -1])('with the scale %s is refused', (wrong) => {
    const update: Update = {
      base: '0'.repeat(64) as Digest,
      labelsVersion: 1,
      examples: 3,
      tensors: [{ scale: 1, codes: Int8Array.of(1) }],
    };
    const bytes = encodeUpdate(update);
    new DataView(bytes.buffer).setFloat32(52, wrong);
    expect(outcomeOf(bytes)).toMatchObject({ code: 'UPDATE_NOT_FINITE' });
  });

  it('of a head of 160 labels costs at most 1.2 bytes per parameter', () => {
    const tensors = [256 * 160, 160].map((size) => ({ scale: 1, codes: new Int8Array(size) }));
    const update = { base: '0'.repeat(64) as Digest, labelsVersion: 2, examples: 9, tensors };
    expect(encodeUpdate(update).length).toBeLessThan(1.2 * 161 * 256);
  });

  it('of any bytes is an update or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(outcomeOf(bytes)).toBeInstanceOf(NanofleetError);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  });
});

describe('a stream of frames', () => {
  const long = new Uint8Array(FRAME_PAYLOAD_BYTES_MAX * 2 + 5).map((_, at) => at % 251);

  it.each([0, 1, FRAME_PAYLOAD_BYTES_MAX, long.length])('of %s bytes comes back as it was', (length) => {
    const bytes = long.subarray(0, length);
    expect(isSame(joined(new FrameAssembly(long.length), bytes), bytes)).toBe(true);
  });

  it('is not harmed by frames that come again', () => {
    const assembly = new FrameAssembly(long.length);
    const frames = framesOf({ kind: 'update', correlation: ROUND, bytes: long });
    const again = frames.flatMap((frame) => (frame.index === 1 ? [frame, frame] : [frame]));
    const results = again.map((frame) => assembly.take(frame));
    expect(isSame(results.at(-1), long)).toBe(true);
  });

  it('with a hole is refused', () => {
    const [first, , last] = framesOf({ kind: 'update', correlation: ROUND, bytes: long });
    const assembly = new FrameAssembly(long.length);
    if (first !== undefined) assembly.take(first);
    expect(() => last && assembly.take(last)).toThrow(expect.objectContaining({ code: 'FRAME_MALFORMED' }));
  });

  it('longer than its bound is refused', () => {
    expect(() => joined(new FrameAssembly(long.length - 1), long)).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }),
    );
  });
});
