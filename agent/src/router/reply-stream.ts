/** One reply for one reader: what has come, what comes, at last the decision. Owns the order of these; keeps nothing. */
import { NanofleetError, type ReplyLine } from '@nanofleet/protocol';
import type { DecisionMemory } from '../store/decision-memory.ts';
import type { Replies } from './replies.ts';

/**
 * Shows the reply to a decision; a decision that waits for none is shown at once.
 * @returns how to stop
 * @throws NanofleetError DECISION_UNKNOWN
 */
export const streamReply = (
  { memory, replies }: { memory: DecisionMemory; replies: Replies },
  id: string,
  show: (line: ReplyLine) => void,
): (() => void) => {
  let stopText = (): void => undefined;
  const stop = memory.watch(id, (decision) => {
    stopText();
    show({ decision });
  });
  if (stop === null) {
    const decision = memory.find(id);
    if (decision === null)
      throw new NanofleetError('DECISION_UNKNOWN', `no decision ${id.slice(0, 80)} is remembered`);
    show({ decision });
    return stopText;
  }
  stopText = replies.follow(id, show);
  return () => {
    stopText();
    stop();
  };
};
