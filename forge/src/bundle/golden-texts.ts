// Owns which texts of validation become golden vectors, and how many digits these have. It never runs a model.

const CASES = 16;

/** Indices spread over the texts of validation, which may be sorted by label. */
export function goldenIndices(texts: number): number[] {
  const stride = Math.max(1, Math.floor(texts / CASES));
  return Array.from({ length: Math.min(CASES, Math.ceil(texts / stride)) }, (_, at) => at * stride);
}

/** Three decimals: far below the tolerance and half the bytes. */
export const goldenNumber = (value: number): number => Math.round(value * 1000) / 1000;
