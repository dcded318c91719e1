// Behaviour of codebooks: codes come back whatever they are, the same codes give the same bytes, and what is no codebook is refused.
import { CODEBOOK_ENTRIES_MAX } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tinyWire } from '../testing/tiny-wire.ts';
import { codebookOf, codesOf } from './codebook.ts';
import { expandFile, packFile, repackFile } from './wire-file.ts';
import { encodeWire, expandWire } from './wire-form.ts';

const made = tinyWire({ rows: 100, bits: 8, first: 0, width: 4 });
const travelling = {
  manifest: { quantization: made.quantization },
  file: made.file,
  wire: made.file.wire,
  sha256Of,
};

/** The wire form with some of its bytes after the graph without weights and the table's two sizes replaced. */
function changed(bytes: readonly number[], from: number): Uint8Array {
  const wire = Uint8Array.from(made.wire);
  const restLength = new DataView(wire.buffer).getUint32(4, true);
  wire.set(bytes, 8 + restLength + 12 + from);
  return wire;
}

describe('codebookOf', () => {
  it('gives back its codes, whatever they are, from few distinct pieces in ascending order', () => {
    const codes = fc.integer({ min: 1, max: 5 }).chain((width) =>
      fc.tuple(
        fc.constant(width),
        fc.array(fc.array(fc.integer({ min: -128, max: 127 }), { minLength: width, maxLength: width }), {
          minLength: 1,
          maxLength: 60,
        }),
      ),
    );
    fc.assert(
      fc.property(codes, ([width, pieces]) => {
        const given = Int8Array.from(pieces.flat());
        const codebook = codebookOf(given, width);
        expect(codesOf(codebook)).toEqual(given);
        expect(codebook.entries.length / width).toBe(new Set(pieces.map(String)).size);
        expect(codebookOf(Int8Array.from([...pieces, ...pieces].toReversed().flat()), width).entries).toEqual(
          codebook.entries,
        );
      }),
      { seed: 1, numRuns: 200 },
    );
    expect(codebookOf(Int8Array.of(5, 0, -7, 1, 5, -1), 2).entries).toEqual(Int8Array.of(-7, 1, 5, -1, 5, 0));
  });

  it('refuses codes that are no whole number of pieces, and more distinct pieces than may be', () => {
    expect(() => codebookOf(new Int8Array(7), 2)).toThrow('7 codes cannot be cut in pieces of 2');
    const counting = Uint16Array.from({ length: CODEBOOK_ENTRIES_MAX + 1 }, (_, at) => at);
    expect(() => codebookOf(new Int8Array(counting.buffer), 2)).toThrow('4097 distinct pieces of 2 codes');
  });
});

describe('the wire form with a codebook', () => {
  it('is smaller than packed codes, expands to the very graph, and follows from that graph alone', () => {
    const packed = tinyWire({ rows: 100, bits: 8, first: 0 });
    expect(made.wire.length).toBeLessThan(packed.wire.length * 0.5);
    expect(made.file.wire.form).toBe('nfw2');
    expect(expandFile(made.wire, travelling)).toEqual(packed.graph);
    expect(packFile(packed.graph, travelling)).toEqual(made.wire);
    expect(repackFile(packed.graph, travelling).content).toEqual(made.wire);
  });

  it.each([
    ['no entry', changed([0, 0, 0, 0], 0), '0 entries; 1 to 4096'],
    ['more entries than may be', changed([1, 16, 0, 0], 0), '4097 entries; 1 to 4096'],
    ['an entry less than its indices need', changed([254, 0, 0, 0], 0), 'is of no entry'],
    ['the mark of packed codes', Uint8Array.from(made.wire, (byte, at) => (at === 3 ? 0x31 : byte)), 'NFW2'],
    ['a byte too few', made.wire.subarray(0, -1), 'cut off'],
  ])('is refused with %s', (_what, bytes, why) => {
    expect(() => expandWire(bytes, made.quantization)).toThrow(why);
  });

  it('is refused where the codes are no whole number of pieces, on both ways', () => {
    const grids = made.quantization.map((grid) => ({ ...grid, codebook: { width: 7 } }));
    expect(() => encodeWire(made.graph, grids)).toThrow('6400 codes cannot be cut in pieces of 7');
    expect(() => expandWire(made.wire, grids)).toThrow('6400 codes cannot be cut in pieces of 7');
  });
});
