// The same model with int8 weights that use all eight bits: each code doubled, each scale halved. Its products are equal, bit by bit,
// where the kernels add them exactly; where pairs of products are added in 16 bits they overflow, which seven bits prevent.
import { listInitializers, type Replacement, replaceInitializers } from '@nanofleet/runtime';
import type { CheckedBundle } from '@nanofleet/runtime/node';

/** The graph of a bundle with the weights of its matrix products (one scale a column) stretched to eight bits. */
export function stretchedGraph({ files, manifest }: CheckedBundle): Uint8Array {
  const graph = files.get('infer.int8') ?? new Uint8Array();
  const names = manifest.quantization
    .filter(({ axis, bits }) => axis === 1 && bits === 7)
    .map(({ tensor }) => tensor);
  const raw = new Map(listInitializers(graph).map((initializer) => [initializer.name, initializer.raw]));
  const replacements = names.flatMap((name): [string, Replacement][] => {
    const scale = name.replace(/\.int8$/, '.scale');
    return [
      [name, { raw: doubled(raw.get(name)) }],
      [scale, { raw: halved(raw.get(scale)) }],
    ];
  });
  return replaceInitializers(graph, new Map(replacements));
}

const doubled = (codes: Uint8Array = new Uint8Array()): Uint8Array =>
  new Uint8Array(Int8Array.from(codes, (code) => 2 * ((code << 24) >> 24)).buffer);

const halved = (scales: Uint8Array = new Uint8Array()): Uint8Array =>
  new Uint8Array(new Float32Array(Uint8Array.from(scales).buffer).map((scale) => scale / 2).buffer);
