// Owns the nearest matrix of a lower rank (Eckart and Young 1936), by subspace iteration on the smaller Gram matrix.
// It never chooses the rank.
import { SeededRandom } from '../seeded-random.ts';

const ITERATIONS = 60;

/** The row-major [rows, columns] matrix projected onto its `rank` greatest right singular vectors. */
export function nearestOfRank(
  matrix: Float32Array,
  { columns, rank }: { readonly columns: number; readonly rank: number },
): Float32Array {
  if (rank >= columns) return matrix;
  const basis = subspace(gram(matrix, columns), columns, rank);
  const result = new Float32Array(matrix.length);
  for (let from = 0; from < matrix.length; from += columns)
    for (const vector of basis) {
      let along = 0;
      for (let at = 0; at < columns; at += 1) along += (matrix[from + at] ?? 0) * (vector[at] ?? 0);
      for (let at = 0; at < columns; at += 1)
        result[from + at] = (result[from + at] ?? 0) + along * (vector[at] ?? 0);
    }
  return result;
}

function gram(matrix: Float32Array, columns: number): Float64Array {
  const product = new Float64Array(columns * columns);
  for (let from = 0; from < matrix.length; from += columns)
    for (let a = 0; a < columns; a += 1)
      for (let b = 0; b < columns; b += 1)
        product[a * columns + b] =
          (product[a * columns + b] ?? 0) + (matrix[from + a] ?? 0) * (matrix[from + b] ?? 0);
  return product;
}

function subspace(symmetric: Float64Array, size: number, rank: number): Float64Array[] {
  const random = new SeededRandom(1, 'subspace');
  let vectors: Float64Array[] = Array.from({ length: rank }, () =>
    Float64Array.from({ length: size }, () => random.normal()),
  );
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1)
    vectors = orthonormal(vectors.map((vector) => times(symmetric, vector)));
  return vectors;
}

function times(symmetric: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  return Float64Array.from(vector, (_, row) => {
    let sum = 0;
    for (let at = 0; at < size; at += 1) sum += (symmetric[row * size + at] ?? 0) * (vector[at] ?? 0);
    return sum;
  });
}

// Gram and Schmidt, modified: each vector against those before it.
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    let rest: Float64Array = vector;
    for (const other of done) {
      const along = dot(rest, other);
      rest = rest.map((value, at) => value - along * (other[at] ?? 0));
    }
    const length = Math.sqrt(dot(rest, rest)) || 1;
    done.push(rest.map((value) => value / length));
  }
  return done;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
