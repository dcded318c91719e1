/**
 * Owns where a graph's weights lie in its bytes, and what a weight is expected to be before its block is read: the base's weight of that
 * name, cut or filled with zeros where it has another size (a head that gained labels), else zeros. Pure.
 */
import { toNanofleetError } from '@nanofleet/protocol';
import { joinedBytes } from '../joined-bytes.ts';
import { type Initializer, listInitializers } from '../onnx/initializers.ts';
import type { Expected } from './block.ts';

/** Shorter weights stay with the bytes around them: a block of their own would cost as much. */
const WEIGHT_BYTES_MIN = 64;

/** A weight, and where in the file it begins. */
export interface PlacedWeight extends Initializer {
  readonly at: number;
  /** Bytes of a row of the first dimension; a vector is one row. */
  readonly rowBytes: number;
}

/** The weights of a graph in the order of their places; none for a file that is no graph. */
export function placedWeights(file: Uint8Array): PlacedWeight[] {
  return initializersOf(file)
    .filter(({ raw }) => raw.length >= WEIGHT_BYTES_MIN)
    .map((tensor) => ({
      ...tensor,
      at: tensor.raw.byteOffset - file.byteOffset,
      rowBytes: tensor.dims.length < 2 ? tensor.raw.length : tensor.raw.length / (tensor.dims[0] ?? 1),
    }))
    .toSorted((a, b) => a.at - b.at);
}

/** The file without its weights. */
export function aroundWeights(file: Uint8Array, weights: readonly PlacedWeight[]): Uint8Array {
  const ends = weights.map(({ at, raw }) => at + raw.length);
  return joinedBytes(
    [...weights.map(({ at }) => at), file.length].map((to, index) => file.subarray(ends[index - 1] ?? 0, to)),
  );
}

/** What a weight of so many bytes is expected to be. */
export function expectedWeight(
  base: PlacedWeight | undefined,
  { bytes, rowBytes }: { readonly bytes: number; readonly rowBytes: number },
): Expected {
  if (base?.raw.length === bytes) return { bytes: base.raw, rowBytes };
  const whole = new Uint8Array(bytes);
  if (base === undefined) return { bytes: whole, rowBytes };
  const width = Math.min(base.rowBytes, rowBytes);
  const rows = Math.min(Math.floor(bytes / rowBytes), base.raw.length / base.rowBytes);
  for (let row = 0; row < rows; row += 1)
    whole.set(base.raw.subarray(row * base.rowBytes, row * base.rowBytes + width), row * rowBytes);
  return { bytes: whole, rowBytes };
}

function initializersOf(file: Uint8Array): Initializer[] {
  try {
    return listInitializers(file);
  } catch (thrown) {
    if (toNanofleetError(thrown).code === 'GRAPH_UNSUPPORTED') return [];
    throw thrown;
  }
}
