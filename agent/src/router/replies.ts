/**
 * Replies that bigger tiers are still writing: their pieces in order, for whoever follows them. Owns no answer: the whole
 * reply comes with that, so a lost piece costs nothing. Bounded; nothing of it reaches the disk.
 */
import { AWAITED_MAX, type Frame, plainText, REPLY_CHARACTERS_MAX } from '@nanofleet/protocol';

/** Takes a piece; `restart`: the text begins anew. */
export type ReplyListener = (piece: { text: string; restart?: true }) => void;

interface Reply {
  text: string;
  /** Index of the frame that is due; null behind a gap. */
  due: number | null;
}

/** Replies by decision. */
export class Replies {
  readonly #byDecision = new Map<string, Reply>();
  readonly #listeners = new Map<string, Set<ReplyListener>>();

  /** Takes a frame of a decision that is awaited. Frames that come again change nothing. */
  take({ correlation, index, payload }: Frame): void {
    const text = plainText(new TextDecoder().decode(payload));
    const before = this.#byDecision.get(correlation);
    if (index === 0 && before?.due !== 1)
      return this.#begin(correlation, { text, isAgain: before !== undefined });
    if (before === undefined || before.due === null || index < before.due) return;
    const isTooLong = before.text.length + text.length > REPLY_CHARACTERS_MAX;
    if (index > before.due || isTooLong) {
      before.due = null;
      return;
    }
    before.due += 1;
    before.text += text;
    this.#tell(correlation, { text });
  }

  /** Gives what has come of a reply, then each further piece. Returns how to stop. */
  follow(decision: string, listener: ReplyListener): () => void {
    const soFar = this.#byDecision.get(decision)?.text ?? '';
    if (soFar !== '') listener({ text: soFar });
    const listeners = this.#listeners.get(decision) ?? new Set();
    this.#listeners.set(decision, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(decision);
    };
  }

  /** The answer has come: pieces are of no more use. */
  forget(decision: string): void {
    this.#byDecision.delete(decision);
  }

  #begin(decision: string, { isAgain, text }: { isAgain: boolean; text: string }): void {
    this.#byDecision.delete(decision);
    this.#byDecision.set(decision, { text, due: 1 });
    const [oldest] = this.#byDecision.keys();
    if (this.#byDecision.size > AWAITED_MAX && oldest !== undefined) this.#byDecision.delete(oldest);
    this.#tell(decision, isAgain ? { text, restart: true } : { text });
  }

  #tell(decision: string, piece: Parameters<ReplyListener>[0]): void {
    if (piece.text === '' && piece.restart !== true) return;
    for (const listener of this.#listeners.get(decision) ?? []) listener(piece);
  }
}
