import { describe, expect, it } from 'vitest';
import { Circuit } from './circuit.ts';
import { failureOfStatus } from './failure.ts';
import { RetryBucket, waitBeforeRetry } from './retry.plan.ts';

const failure = (status: number, headers: Record<string, string> = {}) =>
  failureOfStatus({ status, headers, body: null, nowMs: 0 });

describe('a circuit', () => {
  it('stays closed until five failures in a row, and a success between them begins anew', () => {
    const circuit = new Circuit();
    for (const _ of [1, 2, 3, 4]) circuit.failed(failure(500), 0);
    expect(circuit.enter(0)).toEqual({ is: 'go' });
    circuit.succeeded();
    for (const _ of [1, 2, 3, 4]) circuit.failed(failure(500), 0);
    expect(circuit.state(0).circuit).toBe('closed');
    circuit.failed(failure(500), 0);
    expect(circuit.state(0)).toEqual({ circuit: 'open', forMs: 1_000, code: 'PROVIDER_FAILED' });
    expect(circuit.enter(10)).toEqual({ is: 'wait', forMs: 990 });
  });

  it('opens at once when the provider is busy, for as long as that says', () => {
    const circuit = new Circuit();
    circuit.failed(failure(429, { 'retry-after': '7' }), 100);
    expect(circuit.enter(100)).toEqual({ is: 'wait', forMs: 7_000 });
  });

  it('lets one question at a time try, closes when that succeeds, and opens for longer when it fails', () => {
    const circuit = new Circuit();
    circuit.failed(failure(429), 0);
    expect(circuit.enter(1_000)).toEqual({ is: 'go' });
    expect(circuit.enter(1_000)).toEqual({ is: 'wait', forMs: Number.POSITIVE_INFINITY });
    circuit.failed(failure(500), 1_000);
    expect(circuit.enter(1_000)).toEqual({ is: 'wait', forMs: 2_000 });
    expect(circuit.enter(3_000)).toEqual({ is: 'go' });
    circuit.succeeded();
    expect([circuit.enter(3_000), circuit.enter(3_000)]).toEqual([{ is: 'go' }, { is: 'go' }]);
    circuit.failed(failure(429), 3_000);
    expect(circuit.enter(3_000)).toEqual({ is: 'wait', forMs: 1_000 });
  });

  it('lets the next one try when the one that tried said nothing', () => {
    const circuit = new Circuit();
    circuit.failed(failure(429), 0);
    circuit.enter(1_000);
    circuit.abandoned();
    expect(circuit.enter(1_000)).toEqual({ is: 'go' });
  });

  it('is opened no longer by calls that were under way when it opened', () => {
    const circuit = new Circuit();
    circuit.failed(failure(429, { 'retry-after': '1' }), 0);
    circuit.failed(failure(429, { 'retry-after': '60' }), 10);
    expect(circuit.enter(1_000)).toEqual({ is: 'go' });
  });
});

describe('the wait before a retry', () => {
  const given = { attempt: 1, attemptsMax: 3, remainingMs: 10_000, share: 0.5 };

  it('grows with jitter, is at least what the provider asks for, and stays within the deadline', () => {
    expect(waitBeforeRetry(failure(500), given)).toBe(125);
    expect(waitBeforeRetry(failure(500), { ...given, attempt: 2 })).toBe(250);
    expect(waitBeforeRetry(failure(503, { 'retry-after-ms': '900' }), given)).toBe(900);
    expect(waitBeforeRetry(failure(503, { 'retry-after': '11' }), given)).toBeNull();
    expect(waitBeforeRetry(failure(500), { ...given, attempt: 3 })).toBeNull();
    expect(waitBeforeRetry(failure(400), given)).toBeNull();
  });

  it('is granted to a tenth of many calls', () => {
    const bucket = new RetryBucket();
    let granted = 0;
    for (let call = 0; call < 1_000; call += 1) {
      bucket.fill();
      if (bucket.take()) granted += 1;
    }
    expect(granted).toBeGreaterThanOrEqual(100);
    expect(granted).toBeLessThanOrEqual(110);
  });
});
