// Money as people read it.
import { expect, it } from 'vitest';
import { moneyText } from './money.ts';

it('small amounts keep the digits that matter', () => {
  expect([0, 420, 1_250_000, 120_000_000].map((micros) => moneyText(micros, 'USD'))).toEqual([
    '0 USD',
    '0.0004 USD',
    '1.25 USD',
    '120 USD',
  ]);
});
