// Owns training a tower further while some rule holds its table: pruned weights stay zero, or texts see the table as it
// will be quantized. It learns from labels alone and keeps the last weights.
import { correctedRate } from '../autodiff/optimizer.ts';
import type { TextSource } from '../text/text-sources.ts';
import { type DenseParameter, denseTensors, type Tower } from '../text/tower.ts';
import { TowerBatches } from '../text/tower-batches.ts';
import { ROWS_INPUT, towerTrainingGraph } from '../text/tower-graphs.ts';
import { scheduledRate, type TrainingSettings } from '../text/training-settings.ts';
import { type LentRows, RowTable } from '../train/row-table.ts';
import { freshState, TrainingSession } from '../train/training-session.ts';
import type { Mask } from './pruning.ts';

/** What retraining learns from and how; `learningRate` is that of the recipe's training. */
export interface Retraining {
  readonly seed: number;
  readonly training: TrainingSettings;
  readonly sources: readonly TextSource[];
  readonly stepsPerEpoch: number;
}

/** Further training takes this share of the recipe's rate: the weights are good already. */
const RATE_SHARE = 1 / 3;

/** What holds the table during training. */
export interface TableRule {
  /** Rows as the graph sees them, in place of the rows that are trained. `rows` is [count, width]. */
  readonly seen?: (rows: Float32Array) => Float32Array;
  /** The mask from step `step` (from 0) of `steps` on; asked before each step. */
  readonly mask?: (table: Float32Array, at: { readonly step: number; readonly steps: number }) => Mask;
}

/** The tower after `epochs` more epochs under the rule. */
export async function retrain(
  tower: Tower,
  { epochs, rule, how }: { readonly epochs: number; readonly rule: TableRule; readonly how: Retraining },
): Promise<Tower> {
  const { shape } = tower;
  const learningRate = how.training.learningRate * RATE_SHARE;
  const training = { ...how.training, learningRate, warmUpSteps: 50 };
  const table = new HeldTable(shape.width, tower.table.slice(), rule);
  const state = new Map(denseTensors(tower).map((tensor) => [tensor.name, freshState(tensor)]));
  const session = await TrainingSession.open(towerTrainingGraph(shape, training.weightDecay), state);
  const batches = new TowerBatches({ shape, seed: how.seed, training }, how.sources);
  const steps = how.stepsPerEpoch * epochs;
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    let step = epoch * how.stepsPerEpoch;
    // Epochs of another number than those of the first training, so that texts come in another order.
    for (const { feeds, used } of batches.ofEpoch(1000 + epoch, how.stepsPerEpoch)) {
      table.before({ step, steps });
      const rate = correctedRate(scheduledRate(training, step, steps), step + 1);
      await session.step({ feeds, learningRate: rate, rows: { name: ROWS_INPUT, table, used } });
      step += 1;
    }
  }
  const dense = Object.fromEntries([...session.state()].map(([name, { value }]) => [name, value]));
  await session.release();
  const absent = { ...tower.dense };
  return {
    shape,
    table: table.value,
    dense: { ...absent, ...(dense as Record<DenseParameter, Float32Array>) },
  };
}

/**
 * Lends rows as the rule shows them. What the graph adds to the rows it saw is added to the rows that are trained: the
 * straight-through estimator (Bengio et al. 2013) without an operator of its own in the graph.
 */
class HeldTable extends RowTable {
  readonly #rule: TableRule;
  #mask: Mask | undefined;
  #latent = new Float32Array(0);
  #seen = new Float32Array(0);

  constructor(width: number, value: Float32Array, rule: TableRule) {
    super(width, value);
    this.#rule = rule;
  }

  before(at: { readonly step: number; readonly steps: number }): void {
    this.#mask = this.#rule.mask?.(this.value, at);
  }

  override lend(rows: Int32Array): LentRows {
    const lent = super.lend(rows);
    const taken = lent.taken.value.data as Float32Array;
    this.#hold(rows, taken);
    this.#latent = taken.slice();
    if (this.#rule.seen) taken.set(this.#rule.seen(taken));
    this.#seen = taken.slice();
    return lent;
  }

  override giveBack(rows: Int32Array, lent: LentRows): void {
    const returned = lent.returned.value.data as Float32Array;
    returned.forEach((value, at) => {
      returned[at] = (this.#latent[at] ?? 0) + value - (this.#seen[at] ?? 0);
    });
    this.#hold(rows, returned);
    super.giveBack(rows, lent);
  }

  #hold(rows: Int32Array, values: Float32Array): void {
    const mask = this.#mask;
    if (mask === undefined) return;
    rows.forEach((row, at) => {
      for (let column = 0; column < this.width; column += 1)
        if (mask[row * this.width + column] === 0) values[at * this.width + column] = 0;
    });
  }
}
