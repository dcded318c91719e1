/** Quantities as people read them: short, with their unit, always of the same width where they change. Pure. */

const KIB = 1_024;

/** 1,234 or 12.3k or 4.5M. */
export const countText = (count: number): string => {
  if (count < 10_000) return Math.round(count).toLocaleString('en-US');
  if (count < 1_000_000) return `${(count / 1_000).toFixed(count < 100_000 ? 1 : 0)}k`;
  return `${(count / 1_000_000).toFixed(1)}M`;
};

/** A rate per second: 0.42, 12.3, 1,204. */
export const rateText = (perSecond: number): string =>
  perSecond < 10 ? perSecond.toFixed(2) : perSecond < 100 ? perSecond.toFixed(1) : countText(perSecond);

/** 128 µs, 1.4 ms, 2.0 s. */
export const microsText = (micros: number): string => {
  if (micros < 1_000) return `${Math.round(micros)} µs`;
  if (micros < 1_000_000) return `${(micros / 1_000).toFixed(micros < 10_000 ? 1 : 0)} ms`;
  return `${(micros / 1_000_000).toFixed(1)} s`;
};

/** 12.3 %. */
export const shareText = (share: number): string => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;

/** 812 B, 45 KiB, 3.2 MiB. */
export const bytesText = (bytes: number): string => {
  if (bytes < KIB) return `${bytes} B`;
  if (bytes < KIB * KIB) return `${(bytes / KIB).toFixed(0)} KiB`;
  return `${(bytes / (KIB * KIB)).toFixed(bytes < 10 * KIB * KIB ? 1 : 0)} MiB`;
};

/** How long ago, or how long: 5 s, 3 min, 2 h, 4 d. */
export const spanText = (milliseconds: number): string => {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
};

/** The beginning of a digest. */
export const digestText = (digest: string): string => digest.slice(0, 10);

/** `one device`, `3 devices`. */
export const pluralText = (count: number, noun: string): string =>
  `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
