/** Questions to a bigger tier that an earlier process has asked: those whose deadline has not passed are awaited on. */
import type { Clock, Log } from '@nanofleet/runtime/ports';
import type { DecisionMemory } from '../store/decision-memory.ts';
import type { Outbox } from '../store/outbox.ts';
import { decisionOf, decodeOffload } from './stored-offload.ts';

/** Puts the decisions behind stored questions into the memory. @param parts.nowMs of the time that deadlines are of */
export const rememberQuestions = (parts: {
  readonly clock: Clock;
  readonly log: Log;
  readonly memory: DecisionMemory;
  readonly outbox: Outbox;
  readonly nowMs: number;
}): void => {
  const { clock, log, memory, nowMs, outbox } = parts;
  for (const record of outbox.recordsOf('offload')) {
    if (record.expiresAtMs <= nowMs) continue;
    try {
      const stored = decodeOffload(record.payload);
      if (stored.isComparison === true) continue;
      const sinceMs = Math.max(0, clock.unixMs() - record.recordedAtMs);
      const askedMicros = clock.monotonicMicros() - sinceMs * 1_000;
      const decision = decisionOf(stored);
      memory.remember(decision, { askedMicros, deadlineMs: record.expiresAtMs });
    } catch (thrown) {
      log.warn('offload-not-remembered', { why: String(thrown) });
    }
  }
};
