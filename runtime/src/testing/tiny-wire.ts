/**
 * Owns a graph of one quantized table with the form in which it travels, and what a manifest says of both; for tests. The graph computes
 * nothing. Never part of the product.
 */
import { type BundleFile, type ManifestDraft, type WireFile, wireFormFor } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { codeMax } from '../quantize.ts';
import { encodeWire, expandWire } from '../wire/wire-form.ts';
import { tinyTableGraph } from './tiny-graph.ts';

/** A file that travels in another form. */
export interface TinyWire {
  readonly file: BundleFile & { readonly wire: WireFile };
  readonly graph: Uint8Array;
  readonly wire: Uint8Array;
  readonly quantization: ManifestDraft['quantization'];
}

/** What a table is made of. */
export interface TinyTable {
  readonly rows: number;
  readonly bits: number;
  readonly first: number;
  /** Width of the pieces of a table that travels as a codebook. */
  readonly width?: number;
}

/** A table of `rows` x 64 codes of `bits` bits that begin with `first` and count up. */
export function tinyWire({ rows, bits, first, width }: TinyTable): TinyWire {
  const range = 2 * codeMax(bits) + 1;
  const codes = Int8Array.from({ length: rows * 64 }, (_, at) => ((at + first) % range) - codeMax(bits));
  const codebook = width === undefined ? {} : { codebook: { width } };
  const quantization = [{ tensor: 'table.int8', scaleTensor: 'table.scale', axis: 0, bits, ...codebook }];
  const written = tinyTableGraph({ codes, scales: new Float32Array(rows).fill(0.5) });
  const wire = encodeWire(written, quantization);
  const graph = expandWire(wire, quantization);
  const stated = { name: 'model.nfw', sha256: sha256Of(wire), bytes: wire.length };
  const file = {
    role: 'infer.int8',
    name: 'model.onnx',
    sha256: sha256Of(graph),
    bytes: graph.length,
  } as const;
  return {
    graph,
    wire,
    quantization,
    file: { ...file, wire: { form: wireFormFor(quantization), ...stated } },
  };
}
