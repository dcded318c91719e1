/** What a rollout would do, in words. Pure; never asks anything. */
import type { RolloutForecast } from '@nanofleet/protocol';
import { bytesText, durationText } from './units.ts';

const afterText = (seconds: number | null): string =>
  seconds === null ? 'not within its time' : `after ${durationText(seconds)}`;

/** A line each. */
export const forecastLines = ({
  bytes,
  devices,
  notes,
  reached,
  throughS,
  waves,
}: RolloutForecast): string[] => {
  const saved = bytes.whole === 0 ? 0 : Math.round((1 - bytes.total / bytes.whole) * 100);
  return [
    `${devices.total} devices; all waves through ${afterText(throughS)}, ${bytesText(bytes.total)} would travel (${saved} % less than whole bundles)`,
    ...waves.map(
      ({ beginsS, endsS, quota }, at) =>
        `wave ${at + 1}, up to ${quota}: begins ${afterText(beginsS)}, through ${afterText(endsS)}`,
    ),
    `run it: ${reached.map(({ afterS, percent }) => `${percent} % ${afterText(afterS)}`).join(', ')}`,
    ...(devices.notReached === 0 ? [] : [`not reached within its time: ${devices.notReached}`]),
    `presence is recorded of ${devices.withPresence} of ${devices.total} devices, transfers of ${devices.withRate}`,
    ...notes,
  ];
};
