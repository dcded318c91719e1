/** Statuses of rounds and of their devices in tones and words. Pure. */
import type { RoundAccuracy, RoundDevice, RoundStatus } from '@nanofleet/protocol';
import type { Tone } from '../words/happenings.ts';

/** How a round stands. */
export const ROUND_TONES: Readonly<Record<RoundStatus, Tone>> = {
  planned: 'cool',
  selecting: 'cool',
  training: 'cool',
  aggregating: 'cool',
  evaluating: 'cool',
  candidate: 'good',
  failed: 'bad',
  aborted: 'plain',
};

/** What became of a device. */
export const ROUND_DEVICE_TONES: Readonly<Record<RoundDevice['state'], Tone>> = {
  asked: 'cool',
  accepted: 'cool',
  updated: 'good',
  declined: 'plain',
  refused: 'bad',
  silent: 'warn',
};

/** What is measured before and after, in the order in which it matters. */
export const MEASURES: readonly { readonly of: keyof RoundAccuracy; readonly name: string }[] = [
  { of: 'added', name: 'New labels' },
  { of: 'old', name: 'Old labels' },
  { of: 'all', name: 'All labels' },
  { of: 'outOfScope', name: 'Out of scope, not called sure' },
  { of: 'sure', name: 'In scope, answered as sure' },
];

/** A difference of shares in points: +3.1, −0.4. */
export const pointsText = (difference: number): string => {
  const points = difference * 100;
  const sign = points > 0.049 ? '+' : points < -0.049 ? '−' : '±';
  return `${sign}${Math.abs(points).toFixed(1)}`;
};
