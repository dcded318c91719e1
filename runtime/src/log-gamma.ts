/** Owns the logarithm of the gamma function, for counting without overflow. Pure. */

/** Coefficients of Lanczos' approximation, g = 7, n = 9: relative error below 1e-14 for positive arguments. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(value) for value > 0. */
export function logGamma(value: number): number {
  const [first = 0, ...others] = LANCZOS;
  const sum = others.reduce((total, coefficient, at) => total + coefficient / (value + at), first);
  const base = value + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (value - 0.5) * Math.log(base) - base + Math.log(sum);
}

/** ln of in how many ways `some` can be picked from `all`, 0 <= some <= all. */
export const logChoose = (all: number, some: number): number =>
  logGamma(all + 1) - logGamma(some + 1) - logGamma(all - some + 1);
