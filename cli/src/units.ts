/**
 * Figures as people read them: bytes, times, digests, shares. Pure; the locale is fixed so that output is the same everywhere.
 */

const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB'] as const;

/** 1234567 → "1.23 MB" (powers of 1000). */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${BYTE_UNITS[unit]}`;
}

/** Milliseconds since 1970 → "2026-11-23 12:04:09Z"; a dash for never. */
export const timeText = (unixMs: number | null): string =>
  unixMs === null ? '–' : `${new Date(unixMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;

/** The first digits of a digest, enough to tell bundles apart. */
export const shortDigest = (digest: string): string => digest.slice(0, 12);

/** 0.934 → "93 %". */
export const shareText = (share: number): string => `${Math.round(share * 100)} %`;

/** "200kB", "1.5MB" or "900" → bytes (powers of 1000); undefined when it has another form. */
export function bytesIn(text: string): number | undefined {
  const parts = /^(\d{1,9}(?:\.\d{1,3})?)(kB|MB|GB)?$/.exec(text);
  const factor = { kB: 1e3, MB: 1e6, GB: 1e9 }[parts?.[2] ?? ''] ?? 1;
  return parts?.[1] === undefined ? undefined : Math.round(Number(parts[1]) * factor);
}

/** 90 → "90 s", 5400 → "90 min", 86400 → "24.0 h". */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3_600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}

/** "30d", "12h", "45m" or "90s" → seconds; undefined when it has another form. */
export function secondsOf(text: string): number | undefined {
  const parts = /^(\d{1,6})([smhd])$/.exec(text);
  const unit = { s: 1, m: 60, h: 3_600, d: 86_400 }[parts?.[2] ?? ''];
  return parts?.[1] === undefined || unit === undefined ? undefined : Number(parts[1]) * unit;
}
