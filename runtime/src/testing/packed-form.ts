/** Owns taking a graph's table to fewer bits, for tests that need a real model which travels so. Never part of the product. */
import type { ManifestDraft } from '@nanofleet/protocol';
import { listInitializers, type Replacement, replaceInitializers } from '../onnx/initializers.ts';
import { dequantize, quantize, scalesOf } from '../quantize.ts';
import { nearestScale } from '../wire/half.ts';
import { encodeWire, expandWire } from '../wire/wire-form.ts';

type Grids = ManifestDraft['quantization'];

/** A graph in both forms, and its grids. */
export interface PackedForm {
  readonly graph: Uint8Array;
  readonly wire: Uint8Array;
  readonly quantization: Grids;
}

/** The graph with each weight that has a scale a row on a grid of so many bits. */
export function packedForm(graph: Uint8Array, { grids, bits }: { grids: Grids; bits: number }): PackedForm {
  const tensors = new Map(listInitializers(graph).map((tensor) => [tensor.name, tensor]));
  const rawOf = (name: string): Uint8Array => Uint8Array.from(tensors.get(name)?.raw ?? []);
  const replaced = new Map<string, Replacement>();
  const quantization = grids.map((grid) => (grid.axis === 0 ? { ...grid, bits } : grid));
  for (const { tensor, scaleTensor } of grids.filter(({ axis }) => axis === 0)) {
    const shape = tensors.get(tensor)?.dims ?? [];
    const was = {
      codes: new Int8Array(rawOf(tensor).buffer),
      scales: new Float32Array(rawOf(scaleTensor).buffer),
    };
    const values = dequantize(was, { shape, axis: 0, bits: 8 });
    const grid = { shape, axis: 0, bits };
    const halves = scalesOf(values, grid).map((scale) => nearestScale(scale));
    const { codes, scales } = quantize(values, grid, halves);
    replaced.set(tensor, { raw: new Uint8Array(codes.buffer) });
    replaced.set(scaleTensor, { raw: new Uint8Array(scales.buffer) });
  }
  const wire = encodeWire(replaceInitializers(graph, replaced), quantization);
  return { graph: expandWire(wire, quantization), wire, quantization };
}
