/**
 * From a label to an example: corrections of decisions, texts taught by themselves, answers of bigger tiers that carry a label. Owns
 * which labels a line has at this moment; never trains and never sends.
 */
import {
  type DesiredState,
  type LabelAnswer,
  type LabelRequest,
  type LineId,
  NanofleetError,
  type OffloadResponse,
  type TeachRequest,
  toNanofleetError,
  type Uuid,
} from '@nanofleet/protocol';
import { checkText, isTrainable, type Runner } from '@nanofleet/runtime';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import type { ModelLines } from '../inference/model-lines.ts';
import type { Offer } from './example-index.ts';
import type { ExampleStore } from './example-store.ts';
import { nearNames } from './near-names.ts';
import type { RecentText, RecentTexts } from './recent-texts.ts';

/** What labelling needs. */
export interface LabellingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly lines: ModelLines;
  readonly texts: RecentTexts;
  readonly store: ExampleStore;
  /** What is desired at this moment: it lists labels that the running bundle does not have yet. */
  readonly desired: () => DesiredState | null;
}

/** The word that stands for the newest decision in a path. */
const NEWEST = 'last';

const labelIn = (request: LabelRequest | TeachRequest): string | null =>
  'label' in request ? request.label : null;

/** Takes labels. */
export class Labelling {
  readonly #options: LabellingOptions;

  constructor(options: LabellingOptions) {
    this.#options = options;
  }

  /**
   * Takes the right label of a decision; a later one replaces it.
   * @param decision its id, or `last`
   * @throws NanofleetError DECISION_UNKNOWN, LINE_UNKNOWN, LINE_NOT_TRAINABLE, LABEL_UNKNOWN or DISK_FULL
   */
  label(decision: string, request: LabelRequest): LabelAnswer {
    const { texts } = this.#options;
    const found = decision === NEWEST ? texts.newest : texts.find(decision);
    if (found === null) throw unknownDecision(decision);
    return this.#take(found, labelIn(request));
  }

  /**
   * Takes a text with its label.
   * @throws NanofleetError as `label`, and TEXT_EMPTY, TEXT_MALFORMED, TEXT_TOO_LARGE, LINE_TASK_WRONG
   */
  teach(request: TeachRequest): LabelAnswer {
    checkText(request.text);
    const { runner, giveBack } = this.#options.lines.lease('text-intent', request.line);
    giveBack();
    return this.#take({ decision: null, line: runner.line, text: request.text }, labelIn(request));
  }

  /** Takes the answer of a bigger tier that is sure of a label; of others nothing can be learnt. Never throws. */
  answered({ decision, tier, label, verdict }: OffloadResponse): void {
    const found = this.#options.texts.find(decision);
    if (found === null || label === null || verdict !== 'sure' || tier === null || tier === 'nano') return;
    if (!this.#learns(found.line)) return;
    try {
      if (this.labelsOf(found.line).includes(label)) this.#offer({ ...found, label, origin: tier });
    } catch (thrown) {
      this.#options.log.warn('answer-not-learnt', { decision, code: toNanofleetError(thrown).code });
    }
  }

  /** Labels that a line has or will have. @throws NanofleetError LINE_UNKNOWN, LINE_TASK_WRONG or LINE_NOT_TRAINABLE */
  labelsOf(line: LineId): string[] {
    const { lines, desired } = this.#options;
    const { runner, giveBack } = lines.lease('text-intent', line);
    giveBack();
    if (!isTrainable(runner)) throw notTrainable(line);
    return [...runner.labels, ...addedBeyond(runner, desired())];
  }

  #learns(line: LineId): boolean {
    const runner = this.#options.lines.find(line);
    return runner !== null && isTrainable(runner);
  }

  #take(from: Omit<RecentText, 'decision'> & { decision: Uuid | null }, label: string | null): LabelAnswer {
    if (label !== null) this.#check(from.line, label);
    const kept = this.#offer({ ...from, label, origin: 'local' });
    return { decision: from.decision, line: from.line, label, ...kept };
  }

  #offer({ line, text, label, origin }: Omit<Offer, 'at'>): Pick<LabelAnswer, 'outcome' | 'examples'> {
    return this.#options.store.offer({ line, text, label, origin, at: this.#options.clock.unixMs() });
  }

  #check(line: LineId, label: string): void {
    const names = this.labelsOf(line);
    if (names.includes(label)) return;
    const near = nearNames(label, names).join(', ');
    const meant = near === '' ? `it has ${names.length}` : `did you mean: ${near}`;
    const problem = `line ${line} has no label ${JSON.stringify(label.slice(0, 64))}; ${meant}. An operator adds one: nanofleet intents add NAME --line ${line}`;
    throw new NanofleetError('LABEL_UNKNOWN', problem, { facts: { line } });
  }
}

/** Labels that were added since the running bundle was made; one that it has by now is not added twice. */
const addedBeyond = ({ line, labels }: Runner, desired: DesiredState | null): string[] =>
  (desired?.lines[line]?.labels?.added ?? []).filter((name) => !labels.includes(name));

const notTrainable = (line: LineId): NanofleetError =>
  new NanofleetError(
    'LINE_NOT_TRAINABLE',
    `line ${line} runs an imported model, which does not learn: it keeps no labels. Train it elsewhere and import it again`,
    { facts: { line } },
  );

const unknownDecision = (decision: string): NanofleetError =>
  new NanofleetError(
    'DECISION_UNKNOWN',
    decision === NEWEST
      ? 'no decision was made since the agent started; ask it something first, or give the text itself'
      : `the text of decision ${decision.slice(0, 80)} is not remembered: it was made before the agent started, or too many came after it. Give the text itself`,
  );
