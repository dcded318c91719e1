import { beforeAll, describe, expect, it } from 'vitest';
import { Engines } from '../load/engines.ts';
import { runTakeover, type TakeoverSeen } from '../load/takeover.ts';

const WITHIN_MS = 120_000;

describe.runIf(Engines.areHere)('one of two controllers that is killed while all devices send', () => {
  let seen: TakeoverSeen;

  beforeAll(async () => {
    seen = await runTakeover({ devices: 24, records: 60, withinMs: WITHIN_MS });
  }, 3 * WITHIN_MS);

  it('had half of the shards, as the other one, and has them again after its restart', () => {
    expect([seen.sharesBefore, seen.sharesAfter]).toEqual([
      [8, 8],
      [8, 8],
    ]);
  });

  it('loses nothing of what was sent before and after, and nothing counts twice', () => {
    const { acknowledged, produced, stored, tallied } = seen;
    expect({ acknowledged, stored, tallied }).toEqual({
      acknowledged: produced,
      stored: produced,
      tallied: produced,
    });
  });

  it('is followed by the other one, which answers a question that came in between', () => {
    expect(seen.isAnswered).toBe(true);
  });
});
