/**
 * What the agents have answered to the story's programs: the ids that must be found at the controller exactly once, and
 * the figures for the comparison. Pure bookkeeping.
 */
import type { Decision } from '@nanofleet/protocol';

/** Everything asked of the homes in this story. */
export class Ledger {
  /** Texts that were decided, with their sizes in UTF-8 bytes. */
  readonly textBytes: number[] = [];
  /** Ids of all decisions that an agent has answered. */
  readonly decisions = new Set<string>();
  /** Ids of those that were offered to a bigger tier. */
  readonly offloads = new Set<string>();
  /** Those that a provider has answered. */
  cloudAnswers = 0;
  /** Text to decision on the device, microseconds. */
  readonly localMicros: number[] = [];
  /** Question to the bigger tier's answer on the device, milliseconds. */
  readonly offloadMs: number[] = [];
  /** Sensor samples given to the pump, and numbers per sample. */
  samples = { count: 0, channels: 0 };

  add(text: string, decision: Decision): void {
    this.textBytes.push(Buffer.byteLength(text));
    this.decisions.add(decision.id);
    this.localMicros.push(decision.micros);
    if (wasOffered(decision)) this.offloads.add(decision.id);
    const answer = decision.offload.answer;
    if (answer?.tier === 'cloud') this.cloudAnswers += 1;
    if (answer !== undefined) this.offloadMs.push(answer.milliseconds);
  }
}

/** Whether a decision went on to a bigger tier, or waits to. */
export const wasOffered = ({ offload }: Decision): boolean =>
  offload.status !== 'none' && offload.status !== 'refused';
