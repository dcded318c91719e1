/** How a source is read: the port between the supervisor and the kinds of sources. Owns no behaviour. */
import type { DropReason } from './source-tally.ts';

/** Text of one message, and what its reader knows of it. */
export interface RawMessage {
  readonly text: string;
  readonly topic?: string;
  /** What the reader made of the text. */
  readonly value?: unknown;
  /** Time in the recording, seconds. */
  readonly seconds?: number;
}

/** What a reader tells the supervisor. */
export interface ReaderTarget {
  /** The source can be read. */
  opened(): void;
  /** Takes a message when there is room for it: the reader waits. Resolves when it was used, or counted. */
  put(message: RawMessage): Promise<void>;
  /** Takes a message that nobody can hold back; resolves likewise, at once when it was dropped. */
  offer(message: RawMessage): Promise<void>;
  /** What comes next did not follow what came before. */
  interrupt(): Promise<void>;
  drop(reason: DropReason): void;
  /** Resolves after so long, or when the agent ends. */
  pause(milliseconds: number): Promise<void>;
}

/** Reads one source. */
export interface SourceReader {
  /**
   * Reads until the end of the source, or of the agent. Rejects when the source broke; it is run again.
   * @throws NanofleetError SOURCE_FAILED
   */
  run(target: ReaderTarget, signal: AbortSignal): Promise<void>;
}
