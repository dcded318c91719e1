// Behaviour of the prototype file: read back exactly, refused when its sizes lie.

import { NanofleetError } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePrototypes, encodePrototypes } from './prototypes.ts';

const prototypes = { counts: Uint32Array.of(3, 0), width: 2, means: Float32Array.of(1, -2, 0.5, 0) };

describe('prototypes', () => {
  it('read back as they were written, also from the middle of a larger buffer', () => {
    const bytes = encodePrototypes(prototypes);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodePrototypes(bytes)).toEqual(prototypes);
    expect(decodePrototypes(shifted.subarray(3))).toEqual(prototypes);
  });

  it('are refused when a byte is missing or too many', () => {
    const bytes = encodePrototypes(prototypes);
    expect(() => decodePrototypes(bytes.subarray(1))).toThrow(NanofleetError);
    expect(() => decodePrototypes(bytes.subarray(0, -1))).toThrow('length');
    expect(() => decodePrototypes(new Uint8Array())).toThrow('header');
  });

  it('end in a value or a registered error for any bytes behind the header', () => {
    const magic = encodePrototypes(prototypes).subarray(0, 4);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (tail) => {
        let outcome: unknown;
        try {
          outcome = decodePrototypes(Uint8Array.from([...magic, ...tail])).counts;
        } catch (thrown) {
          outcome = thrown;
        }
        expect(outcome instanceof Uint32Array || outcome instanceof NanofleetError).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
