/**
 * Questions to a bigger tier: redacted, then into the outbox. Owns what of a text a question holds; whether one may be
 * asked is decided before. Texts go no further than redaction.
 */
import {
  type Decision,
  NanofleetError,
  type OffloadOutcome,
  type OffloadRequest,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Log } from '@nanofleet/runtime/ports';
import type { Redacted } from '../router/redaction.ts';
import type { Outbox } from '../store/outbox.ts';
import { encodeOffload, type StoredOffload } from './stored-offload.ts';

/** What asking needs. */
export interface QuestionsOptions {
  readonly log: Log;
  readonly outbox: Outbox;
  readonly redact: (text: string) => Redacted;
  /** Told that the outbox has something new to send. */
  readonly queued: () => void;
}

/** How a question is asked. */
export interface QuestionOptions extends Pick<StoredOffload, 'isComparison'> {
  /** In the time that deadlines are of. */
  readonly deadlineMs: number;
}

/** Asks bigger tiers. */
export class Questions {
  readonly #options: QuestionsOptions;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /** Asks about a text under the id of a decision; what came of that. Never throws. */
  ask(text: string, decision: Decision, { deadlineMs, ...stored }: QuestionOptions): OffloadOutcome {
    const { log, outbox, queued } = this.#options;
    try {
      const request = this.#request(text, decision);
      const payload = encodeOffload({ digest: decision.digest, request, ...stored });
      if (!outbox.append('offload', payload, { expiresAtMs: deadlineMs }))
        return { status: 'refused', code: 'DISK_FULL' };
    } catch (thrown) {
      const { code } = toNanofleetError(thrown);
      log.warn('offload-refused', { decision: decision.id, code });
      return { status: 'refused', code };
    }
    queued();
    return { status: 'queued' };
  }

  #request(text: string, decision: Decision): OffloadRequest {
    const { label, confidence, outOfScope, verdict } = decision;
    return {
      decision: decision.id,
      line: decision.line,
      version: decision.version,
      ...this.#redacted(text),
      local: { label, confidence, outOfScope, verdict },
    };
  }

  /** Fails closed: a text that could not be redacted stays here. The cause is dropped, for it could quote the text. */
  #redacted(text: string): Redacted {
    try {
      return this.#options.redact(text);
    } catch {
      throw new NanofleetError(
        'REDACTION_FAILED',
        'the text could not be redacted, so it stays on the device',
      );
    }
  }
}
