// Behaviour of files that travel in another form: the file comes back or nothing does, within the size that was stated.
import { toNanofleetError, WIRE_FORM, type WireFile } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinedBytes } from '../joined-bytes.ts';
import { tinyWire } from '../testing/tiny-wire.ts';
import { expandFile, packFile, type TravellingFile } from './wire-file.ts';
import { expandWire } from './wire-form.ts';

const made = tinyWire({ rows: 100, bits: 4, first: 0 });

const travelling = (change: Partial<TravellingFile> = {}): TravellingFile => ({
  manifest: { quantization: made.quantization },
  file: made.file,
  wire: made.file.wire,
  sha256Of,
  ...change,
});

/** What a manifest says of bytes that somebody made up. */
const statedAs = (bytes: Uint8Array): WireFile => ({
  form: WIRE_FORM,
  name: 'model.nfw',
  sha256: sha256Of(bytes),
  bytes: bytes.length,
});

const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const changed = Uint8Array.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
};

/** Code and message of what an attempt throws. */
function refusal(attempt: () => unknown): string {
  try {
    attempt();
    return 'accepted';
  } catch (thrown) {
    const { code, message } = toNanofleetError(thrown);
    return `${code} ${message}`;
  }
}

describe('expandFile', () => {
  it('gives the very file, which packs to the very form that it came in', () => {
    expect(made.wire.length).toBeLessThan(made.graph.length * 0.6);
    expect(expandFile(made.wire, travelling())).toEqual(made.graph);
    expect(packFile(made.graph, travelling())).toEqual(made.wire);
  });

  it.each([
    ['one bit is another', flipped(made.wire, made.wire.length >> 1)],
    ['a byte is missing', made.wire.subarray(1)],
    ['a byte is too many', joinedBytes([made.wire, new Uint8Array(1)])],
  ])('refuses bytes of which %s', (_what, bytes) => {
    expect(refusal(() => expandFile(bytes, travelling()))).toMatch(/^DIGEST_MISMATCH .*model.nfw/);
  });

  it('refuses a form that the manifest pins but that expands to another file', () => {
    const other = tinyWire({ rows: 100, bits: 4, first: 1 });
    expect(refusal(() => expandFile(other.wire, travelling({ wire: other.file.wire })))).toMatch(
      /^WIRE_FORM_WRONG .*another file than model.onnx/,
    );
    expect(packFile(other.graph, travelling())).toBeNull();
  });

  it('refuses a form that would expand to more than the file has, before there is room for it', () => {
    const large = tinyWire({ rows: 10_000, bits: 4, first: 0 });
    expect(refusal(() => expandFile(large.wire, travelling({ wire: large.file.wire })))).toMatch(
      /^WIRE_FORM_WRONG .*expands to more than/,
    );
  });

  it('refuses what is no such form', () => {
    const bytes = new Uint8Array(100).fill(7);
    expect(refusal(() => expandFile(bytes, travelling({ wire: statedAs(bytes) })))).toMatch(
      /^WIRE_FORM_WRONG .*does not begin with NFW1/,
    );
  });
});

describe('expandWire', () => {
  it.each([
    ['packed codes', made],
    ['a codebook', tinyWire({ rows: 100, bits: 4, first: 0, width: 4 })],
  ])('gives no more than it may, or refuses with its code, whatever its bytes are: %s', (_form, made) => {
    const change = fc.array(fc.tuple(fc.nat(made.wire.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    // Most changes in the head of the file: lengths, sizes, the graph without weights.
    const early = change.map((all) => all.map(([at, value]): [number, number] => [at % 120, value]));
    const isBounded = (changes: readonly [number, number][]): boolean => {
      const bytes = Uint8Array.from(made.wire);
      for (const [at, value] of changes) bytes[at] = value;
      let length = 0;
      const expand = () => {
        length = expandWire(bytes, made.quantization, made.graph.length).length;
      };
      return /^(accepted|GRAPH_UNSUPPORTED)/.test(refusal(expand)) && length <= made.graph.length + 64;
    };
    const run = fc.check(fc.property(fc.oneof(change, early), isBounded), { seed: 1, numRuns: 500 });
    expect(run.counterexample).toBeNull();
  });

  it('refuses a graph that holds a name twice, which would be filled twice', () => {
    const view = new DataView(made.wire.buffer, made.wire.byteOffset);
    const length = view.getUint32(4, true);
    const [rest, weights] = [made.wire.subarray(8, 8 + length), made.wire.subarray(8 + length)];
    const [before, graph, after] = partsOf(rest);
    const twice = joinedBytes([before, Uint8Array.of(0x3a, graph.length * 2), graph, graph, after]);
    const head = new Uint8Array(8);
    head.set(made.wire.subarray(0, 4));
    new DataView(head.buffer).setUint32(4, twice.length, true);
    expect(() => expandWire(joinedBytes([head, twice, weights]), made.quantization)).toThrow('twice');
  });
});

/** A model before its graph, the content of its graph (field 7, shorter than 64 bytes), and after it. */
function partsOf(model: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const at = model.indexOf(0x3a);
  const length = model[at + 1] ?? 0;
  return [model.subarray(0, at), model.subarray(at + 2, at + 2 + length), model.subarray(at + 2 + length)];
}
