/** How a sink is written to: the port between the queue and the kinds of sinks. Owns no behaviour. */
import type { NanofleetError } from '@nanofleet/protocol';
import type { Happening } from './happening.ts';

/** Writes to one sink. */
export interface SinkWriter {
  /** Begins to reach it, where something has to be reached before the first message. */
  start(): void;
  /**
   * Gives one message; resolves when the sink has it.
   * @throws NanofleetError SINK_FAILED when it may be tried again, SINK_REFUSED when it may not, INPUT_INVALID when the
   * message lacks something that is needed
   */
  send(happening: Happening, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What a writer tells of itself, beside messages. */
export interface SinkState {
  opened(): void;
  failed(error: NanofleetError): void;
}
