// Owns numbers of 16 bits (IEEE 754 binary16), which scales travel as: Node 20 has no Float16Array. It never touches codes.

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** The bits of the half nearest to a value, ties to even; beyond 65504 infinity, below 2^-25 zero. */
export function halfBits(value: number): number {
  single[0] = value;
  const bits = word[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const fraction = bits & 0x7fffff;
  if (Number.isNaN(value)) return 0x7e00;
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent < -10) return sign;
  // A carry out of the fraction goes on into the exponent, which is what rounding up to the next power of two means.
  if (exponent > 0) return sign | ((exponent << 10) + rounded(fraction, 13));
  return sign | rounded(fraction | 0x800000, 14 - exponent);
}

/** The value of a half. */
export function halfValue(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The nearest half to a scale, and never zero: heads that learn divide by scales. */
export const nearestScale = (scale: number): number => halfValue(Math.max(1, halfBits(scale)));

function rounded(value: number, dropped: number): number {
  const kept = value >>> dropped;
  const rest = value & ((1 << dropped) - 1);
  const middle = 1 << (dropped - 1);
  return rest > middle || (rest === middle && (kept & 1) === 1) ? kept + 1 : kept;
}
