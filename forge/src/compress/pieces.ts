// Owns the pieces that all rows of a table share: found by k-means, in int8, and which of them stand nearest to a row (product
// quantization after Jégou et al. 2011, with one codebook for all places: buckets are hashed, so no place differs from
// another). It never trains the table and never packs.
import { NanofleetError } from '@nanofleet/protocol';
import { nearestScale, type Quantized } from '@nanofleet/runtime';
import { SeededRandom } from '../seeded-random.ts';

/** Pieces for rows of one width. */
export interface Pieces {
  readonly width: number;
  readonly rowWidth: number;
  /** [entries, width], each in ±127. */
  readonly codes: Int8Array;
  /** Length of a row's mean square root in codes: rows are brought to it before pieces are compared. */
  readonly reach: number;
}

/** What pieces are fitted with. */
export interface PiecesSettings {
  readonly width: number;
  readonly entries: number;
  readonly rowWidth: number;
  readonly seed: number;
}

/** Rounds of k-means; the error falls by less than a thousandth a round after some twenty. */
const ROUNDS = 25;
const CODE_MAX = 127;

/**
 * Pieces with a small squared error over a table [rows, rowWidth], by k-means that begins with pieces of the table itself. Rows are brought
 * to one length, each piece counts with the square of its row's.
 * @throws NanofleetError TRAINING_SET_INVALID if rows are no whole number of pieces, or there are fewer pieces than entries
 */
export function fitPieces(table: Float32Array, settings: PiecesSettings): Pieces {
  const { width, entries, rowWidth, seed } = settings;
  if (rowWidth % width !== 0 || table.length < entries * width)
    throw new NanofleetError(
      'TRAINING_SET_INVALID',
      `a table of ${table.length / rowWidth} rows of ${rowWidth} weights cannot be made of ${entries} pieces of ${width}`,
    );
  const lengths = lengthsOf(table, rowWidth);
  const points = table.map((value, at) => value / (lengths[Math.floor(at / rowWidth)] || 1));
  const weights = Float32Array.from({ length: table.length / width }, (_, piece) => {
    return (lengths[Math.floor((piece * width) / rowWidth)] ?? 0) ** 2;
  });
  const first = new SeededRandom(seed, 'pieces').order(weights.length).subarray(0, entries);
  let centroids = new Float32Array(entries * width);
  first.forEach((piece, at) =>
    centroids.set(points.subarray(piece * width, (piece + 1) * width), at * width),
  );
  for (let round = 0; round < ROUNDS; round += 1)
    centroids = means({ points, weights, width }, centroids, nearest(points, { centroids, width }));
  const reach = CODE_MAX / centroids.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  return { width, rowWidth, reach, codes: Int8Array.from(centroids, (value) => Math.round(value * reach)) };
}

/** Rows [count, rowWidth] made of their nearest pieces, each with the scale of least squared error, as halves keep it. */
export function nearestPieces(rows: Float32Array, { width, rowWidth, codes, reach }: Pieces): Quantized {
  const lengths = lengthsOf(rows, rowWidth);
  const points = rows.map((value, at) => (value * reach) / (lengths[Math.floor(at / rowWidth)] || 1));
  const chosen = nearest(points, { centroids: Float32Array.from(codes), width });
  const made = new Int8Array(rows.length);
  chosen.forEach((entry, piece) =>
    made.set(codes.subarray(entry * width, (entry + 1) * width), piece * width),
  );
  const scales = lengths.map((_, row) =>
    scaleOf(rows, made, { from: row * rowWidth, to: (row + 1) * rowWidth }),
  );
  return { codes: made, scales };
}

function scaleOf(
  rows: Float32Array,
  codes: Int8Array,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  let [along, square] = [0, 0];
  for (let at = from; at < to; at += 1) {
    along += (rows[at] ?? 0) * (codes[at] ?? 0);
    square += (codes[at] ?? 0) ** 2;
  }
  return nearestScale(Math.max(0, along / Math.max(1, square)));
}

/** Root of the mean square of each row. */
function lengthsOf(rows: Float32Array, rowWidth: number): Float32Array {
  return Float32Array.from({ length: rows.length / rowWidth }, (_, row) => {
    let square = 0;
    for (let at = row * rowWidth; at < (row + 1) * rowWidth; at += 1) square += (rows[at] ?? 0) ** 2;
    return Math.sqrt(square / rowWidth);
  });
}

interface Centroids {
  readonly centroids: Float32Array;
  readonly width: number;
}

/** The centroid nearest to each point. Least |c|² / 2 - p·c, which orders as the distance does. */
function nearest(points: Float32Array, { centroids, width }: Centroids): Uint16Array {
  const entries = centroids.length / width;
  const halves = lengthsOf(centroids, width).map((length) => (length ** 2 * width) / 2);
  const chosen = new Uint16Array(points.length / width);
  for (let point = 0; point < chosen.length; point += 1) {
    let [least, best] = [Number.POSITIVE_INFINITY, 0];
    for (let entry = 0; entry < entries; entry += 1) {
      let distance = halves[entry] ?? 0;
      for (let at = 0; at < width; at += 1)
        distance -= (points[point * width + at] ?? 0) * (centroids[entry * width + at] ?? 0);
      if (distance < least) [least, best] = [distance, entry];
    }
    chosen[point] = best;
  }
  return chosen;
}

interface WeightedPoints {
  readonly points: Float32Array;
  /** One a point. */
  readonly weights: Float32Array;
  readonly width: number;
}

/** The weighted mean of the points of each centroid; a centroid without points stays. */
function means(
  { points, weights, width }: WeightedPoints,
  centroids: Float32Array,
  chosen: Uint16Array,
): Float32Array<ArrayBuffer> {
  const sums = new Float64Array(centroids.length);
  const totals = new Float64Array(centroids.length / width);
  chosen.forEach((entry, point) => {
    const weight = weights[point] ?? 0;
    totals[entry] = (totals[entry] ?? 0) + weight;
    for (let at = 0; at < width; at += 1)
      sums[entry * width + at] = (sums[entry * width + at] ?? 0) + weight * (points[point * width + at] ?? 0);
  });
  return Float32Array.from(sums, (sum, at) => {
    const total = totals[Math.floor(at / width)] ?? 0;
    return total === 0 ? (centroids[at] ?? 0) : sum / total;
  });
}
