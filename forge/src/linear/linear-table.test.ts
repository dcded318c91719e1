// Gradients against finite differences, and the minimum against one that plain gradient descent finds in float64.
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { freshLinear, LinearTable } from './linear-table.ts';
import type { TextColumns } from './tf-idf.ts';

const COLUMNS = 7;
const CLASSES = 3;
const PENALTY = 0.02;

/** Texts of one to four columns; targets are soft, and some texts weigh less than others. */
function problem(texts: number): { texts: TextColumns[]; targets: Float32Array } {
  const random = new SeededRandom(3, 'problem');
  const targets = new Float32Array(texts * CLASSES);
  const made = Array.from({ length: texts }, (_, text) => {
    const columns = random.order(COLUMNS).slice(0, 1 + random.below(4));
    targets[text * CLASSES + ((columns[0] ?? 0) % CLASSES)] = text % 4 === 0 ? 0.3 : 0.8;
    targets[text * CLASSES] = (targets[text * CLASSES] ?? 0) + 0.2;
    return { columns, values: Float32Array.from(columns, () => 0.2 + random.uniform()) };
  });
  return { texts: made, targets };
}

const { texts, targets } = problem(24);

/** Objective and gradient, written out without any of what the table does. */
function objective(weights: Float64Array): { value: number; gradient: Float64Array } {
  const gradient = new Float64Array(weights.length);
  let value = 0;
  texts.forEach(({ columns, values }, text) => {
    const inputs = [
      ...Array.from(columns, (column, at) => [column, values[at] ?? 0] as const),
      [COLUMNS, 1] as const,
    ];
    const logits = Array.from({ length: CLASSES }, (_, label) =>
      inputs.reduce((sum, [row, input]) => sum + input * (weights[row * CLASSES + label] ?? 0), 0),
    );
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const target = targets.subarray(text * CLASSES, (text + 1) * CLASSES);
    const weight = target.reduce((sum, share) => sum + share, 0);
    logits.forEach((logit, label) => {
      const share = target[label] ?? 0;
      value -= (share * (logit - Math.log(total))) / texts.length;
      for (const [row, input] of inputs) {
        const at = row * CLASSES + label;
        gradient[at] =
          (gradient[at] ?? 0) + (input * ((weight * Math.exp(logit)) / total - share)) / texts.length;
      }
    });
  });
  for (let at = 0; at < COLUMNS * CLASSES; at += 1) {
    const weight = weights[at] ?? 0;
    value += (PENALTY / 2) * weight ** 2;
    gradient[at] = (gradient[at] ?? 0) + PENALTY * weight;
  }
  return { value, gradient };
}

function minimum(): Float64Array {
  const weights = new Float64Array((COLUMNS + 1) * CLASSES);
  for (let step = 0; step < 4000; step += 1) {
    const { gradient } = objective(weights);
    gradient.forEach((slope, at) => (weights[at] = (weights[at] ?? 0) - slope));
  }
  expect(Math.hypot(...objective(weights).gradient)).toBeLessThan(1e-9);
  return weights;
}

describe('LinearTable', () => {
  const best = minimum();

  it('has the gradient that finite differences show', () => {
    const random = new SeededRandom(5, 'weights');
    const { weights, squares } = freshLinear(COLUMNS, CLASSES);
    const start = weights.map(() => random.normal());
    const { rows } = new LinearTable(CLASSES, { weights: start, squares }).gradient(texts, targets);
    const lossAt = (at: number, by: number): number => {
      const moved = start.map((weight, other) => (other === at ? weight + by : weight));
      return new LinearTable(CLASSES, { weights: moved, squares }).gradient(texts, targets).loss;
    };
    expect(rows.size).toBe(COLUMNS + 1);
    for (const [row, gradient] of rows)
      gradient.forEach((slope, label) => {
        const at = row * CLASSES + label;
        expect(slope).toBeCloseTo((lossAt(at, 0.01) - lossAt(at, -0.01)) / 0.02, 4);
      });
  });

  it.each([1, 4, 24])('comes to the minimum of the penalized loss by batches of %i', (batch) => {
    const table = new LinearTable(CLASSES, freshLinear(COLUMNS, CLASSES));
    const random = new SeededRandom(1, 'batches');
    const steps = (1500 * texts.length) / batch;
    let order: readonly number[] = [];
    for (let step = 0; step < steps; step += 1) {
      if (order.length === 0) order = [...random.order(texts.length)];
      const chosen = order.slice(0, batch);
      order = order.slice(batch);
      const rate = 0.5 * (1 + Math.cos((Math.PI * step) / steps));
      const own = chosen.flatMap((text) => [...targets.subarray(text * CLASSES, (text + 1) * CLASSES)]);
      const used = chosen.flatMap((text) => texts[text] ?? []);
      table.step(used, Float32Array.from(own), { rate, penalty: PENALTY });
    }
    table.settle(PENALTY);
    const found = Float64Array.from(table.state.weights);
    expect(objective(found).value - objective(best).value).toBeLessThan(1e-5);
    // A shift of all biases changes nothing, so that only their differences can agree.
    const label = (weights: Float64Array, at: number): number =>
      (weights[at] ?? 0) - (at >= COLUMNS * CLASSES ? (weights[COLUMNS * CLASSES] ?? 0) : 0);
    found.forEach((_, at) => expect(Math.abs(label(found, at) - label(best, at))).toBeLessThan(0.02));
  });

  it('moves no row that a batch does not use, but for what the penalty takes of it later', () => {
    const table = new LinearTable(CLASSES, freshLinear(COLUMNS, CLASSES));
    const one = (column: number): TextColumns => ({
      columns: Int32Array.of(column),
      values: Float32Array.of(1),
    });
    const target = Float32Array.of(0, 1, 0);
    const row = (column: number): number[] => [
      ...table.state.weights.subarray(column * CLASSES, (column + 1) * CLASSES),
    ];
    table.step([one(2)], target, { rate: 0.5, penalty: PENALTY });
    const before = row(2);
    expect(before.some((weight) => weight !== 0)).toBe(true);
    table.step([one(4)], target, { rate: 0.5, penalty: PENALTY });
    expect(row(2)).toEqual(before);
    expect(row(3)).toEqual([0, 0, 0]);
    table.settle(PENALTY);
    row(2).forEach((weight, at) => expect(Math.abs(weight)).toBeLessThan(Math.abs(before[at] ?? 0)));
  });
});
