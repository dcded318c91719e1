/**
 * Learning on this device as the rest of the agent sees it: texts of decisions, labels, examples, rounds, and forgetting all of it. Owns
 * how these parts are put together; no rule of its own. Texts end here: nothing of this folder sends one.
 */
import {
  type Decision,
  type DesiredState,
  type ExamplesAnswer,
  type LabelAnswer,
  type LabelRequest,
  type LearningStatus,
  NanofleetError,
  type OffloadPolicy,
  type OffloadResponse,
  type RoundPlan,
  type RoundResult,
  type TeachRequest,
  type Uuid,
  type WipeAnswer,
} from '@nanofleet/protocol';
import type { Clock, Disk, Log, Random } from '@nanofleet/runtime/ports';
import type { ModelLines } from '../inference/model-lines.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Trainer } from '../ports/trainer.ts';
import type { OutboundLog } from '../store/outbound-log.ts';
import type { ContributionPorts } from './contribution.ts';
import { ExampleStore } from './example-store.ts';
import { Labelling } from './labelling.ts';
import { RecentTexts } from './recent-texts.ts';
import { Residues } from './residues.ts';
import { Rounds, type RoundsLink } from './rounds.ts';

/** What learning needs. */
export interface LearningOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly blobs: BlobSource;
  readonly trainer: Trainer;
  /** Of the examples and residues. */
  readonly directory: string;
  readonly device: string;
  /** Whether this device takes part in rounds. */
  readonly isOn: boolean;
  readonly lines: ModelLines;
  readonly outbound: OutboundLog;
  readonly desired: () => DesiredState | null;
  readonly policy: () => OffloadPolicy;
  readonly bundleOf: ContributionPorts['bundleOf'];
  readonly link: () => RoundsLink;
}

/** Learning on a device. */
export class Learning {
  readonly #isOn: boolean;
  readonly #texts = new RecentTexts();
  readonly #store: ExampleStore;
  readonly #labelling: Labelling;
  readonly #residues: Residues;
  readonly #rounds: Rounds;

  constructor(options: LearningOptions) {
    this.#isOn = options.isOn;
    this.#store = new ExampleStore(options);
    this.#residues = new Residues(options);
    this.#labelling = new Labelling({ ...options, texts: this.#texts, store: this.#store });
    this.#rounds = new Rounds({ ...options, residues: this.#residues, store: this.#store });
  }

  /** Keeps the text of a decision for a while, so that a label can refer to it. */
  decided(decision: Pick<Decision, 'id' | 'line'>, text: string): void {
    this.#texts.remember(decision, text);
  }

  /** Takes the answer of a bigger tier. */
  answered(response: OffloadResponse): void {
    this.#labelling.answered(response);
  }

  /** @throws NanofleetError, see Labelling.label */
  label(decision: string, request: LabelRequest): LabelAnswer {
    return this.#labelling.label(decision, request);
  }

  /** @throws NanofleetError, see Labelling.teach */
  teach(request: TeachRequest): LabelAnswer {
    return this.#labelling.teach(request);
  }

  examples(): ExamplesAnswer {
    return this.#store.counts();
  }

  /** Forgets all examples, residues and texts; gives up the round under way. Throws the disk's error. */
  wipe(): WipeAnswer {
    this.#rounds.giveUp(new NanofleetError('ROUND_DECLINED', 'the device was wiped'));
    const texts = this.#texts.clear();
    const { examples, bytes } = this.#store.wipe();
    const { residues, bytes: residueBytes } = this.#residues.wipe();
    return { examples, residues, texts, bytes: bytes + residueBytes };
  }

  plan(round: Uuid, plan: RoundPlan, options: { remainingMs: number }): void {
    this.#rounds.plan(round, plan, options);
  }

  result(round: Uuid, result: RoundResult): void {
    this.#rounds.result(round, result);
  }

  /** There is a new connection. */
  connected(): void {
    this.#rounds.resend();
  }

  /** A line runs another model. */
  modelChanged(running: { line: string; digest: string }): void {
    this.#rounds.modelChanged(running);
  }

  status(): LearningStatus {
    return { isOn: this.#isOn, examples: this.#store.size, lastRound: this.#rounds.last };
  }

  /** Resolves when nothing is being trained. */
  settled(): Promise<void> {
    return this.#rounds.settled();
  }

  async close(): Promise<void> {
    await this.#rounds.close();
    this.#store.close();
  }
}
