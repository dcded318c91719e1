/** What sources give their messages to: the port between readers and lines. Owns no behaviour. */
import type { Decision, LineId, SamplesAnswer, SamplesRequest } from '@nanofleet/protocol';
import type { SourceMessage } from './source-message.ts';

/** What a sensor line takes. */
export interface SensorShape {
  readonly line: LineId;
  readonly rateHz: number;
  readonly channels: readonly string[];
}

/** The lines of the agent, as sources use them. */
export interface SourceLines {
  decide(text: string, ask: { line?: LineId }): Promise<Decision>;
  samples(request: SamplesRequest): Promise<SamplesAnswer>;
  /** @throws NanofleetError LINE_UNKNOWN, LINE_TASK_WRONG */
  sensorShape(line: LineId | undefined): SensorShape;
  /** Ends the window under way: what comes next did not follow what came before. */
  interruptSamples(line: LineId): Promise<void>;
}

/** Takes messages of one source, one after the other. */
export interface SourceFeed {
  /**
   * Uses a message, or counts why not.
   * @throws NanofleetError LINE_UNKNOWN, LINE_TASK_WRONG or CHANNELS_WRONG while no line takes it; it can be given again
   */
  take(message: SourceMessage): Promise<void>;
  /** What comes next did not follow what came before. */
  interrupt(): Promise<void>;
}
