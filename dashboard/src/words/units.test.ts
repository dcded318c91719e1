// Quantities as people read them.
import { expect, it } from 'vitest';
import { bytesText, countText, microsText, pluralText, rateText, shareText, spanText } from './units.ts';

it('quantities are short and carry their unit', () => {
  expect([0, 9_999, 12_340, 345_678, 4_500_000].map(countText)).toEqual([
    '0',
    '9,999',
    '12.3k',
    '346k',
    '4.5M',
  ]);
  expect([0.416, 12.34, 1_204].map(rateText)).toEqual(['0.42', '12.3', '1,204']);
  expect([128, 1_420, 45_000, 2_000_000].map(microsText)).toEqual(['128 µs', '1.4 ms', '45 ms', '2.0 s']);
  expect([0, 0.031, 0.5, 1].map(shareText)).toEqual(['0.0 %', '3.1 %', '50 %', '100 %']);
  expect([812, 46_080, 3_355_443].map(bytesText)).toEqual(['812 B', '45 KiB', '3.2 MiB']);
  expect([-5, 5_000, 200_000, 7_200_000, 400_000_000].map(spanText)).toEqual([
    '0 s',
    '5 s',
    '3 min',
    '2 h',
    '4 d',
  ]);
  expect([pluralText(1, 'device'), pluralText(3, 'device')]).toEqual(['1 device', '3 devices']);
});
