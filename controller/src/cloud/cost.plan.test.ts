import { expect, it } from 'vitest';
import { costOf, dayOf, estimatedUsage, worstCostOf } from './cost.plan.ts';

// 0.15 and 0.60 of a unit per million tokens.
const settings = { pricePerMillion: { input: 150_000, output: 600_000 }, outputTokensMax: 512 };

it('costs whole millionths, rounded up', () => {
  expect(costOf(settings, { inputTokens: 1_000_000, outputTokens: 1_000_000 })).toBe(750_000);
  expect(costOf(settings, { inputTokens: 1, outputTokens: 0 })).toBe(1);
  expect(costOf(settings, { inputTokens: 0, outputTokens: 0 })).toBe(0);
});

it('reserves at least what the same request can cost, whatever the tokenizer', () => {
  const worst = worstCostOf(settings, 3_000);
  expect(worst).toBeGreaterThanOrEqual(costOf(settings, { inputTokens: 3_000, outputTokens: 512 }));
  expect(worst).toBeGreaterThan(costOf(settings, estimatedUsage({ request: 3_000, content: 512 })));
});

it('names days by UTC', () => {
  expect(dayOf(Date.parse('2026-11-25T23:59:59.999Z'))).toBe('2026-11-25');
  expect(dayOf(Date.parse('2026-11-26T00:00:00Z'))).toBe('2026-11-26');
});
