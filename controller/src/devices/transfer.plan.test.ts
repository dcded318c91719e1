// When and how fast devices fetch: what an operator says, and else what their number asks for.
import { expect, it } from 'vitest';
import { transferFor, transferInWords } from './transfer.plan.ts';

it('a small group fetches at once, a larger one over a time that grows with it, in steps', () => {
  expect([1, 128].map((devices) => transferFor(null, devices))).toEqual([null, null]);
  expect([129, 256, 257, 5_000].map((devices) => transferFor(null, devices)?.spreadMs)).toEqual([
    1_280, 1_280, 2_560, 40_960,
  ]);
  expect(transferFor(null, 1e9)?.spreadMs).toBe(3_600_000);
});

it('what the operator says counts for any number', () => {
  const stated = { spreadMs: 0, bytesPerSecond: 20_000 };
  expect(transferFor(stated, 5_000)).toEqual(stated);
});

it('reads as a sentence', () => {
  expect(transferInWords({ spreadMs: 60_000, bytesPerSecond: 20_000 })).toBe(
    'within 60 s, 20000 bytes a second',
  );
  expect(transferInWords({ spreadMs: 0 })).toBe('at once');
  expect(transferInWords(null)).toBe('as their number asks for');
});
