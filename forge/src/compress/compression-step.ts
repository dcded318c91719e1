// Owns doing one step of compression on a model. It never measures.
import { clippedScales, dequantize, quantize } from '@nanofleet/runtime';
import type { Tower } from '../text/tower.ts';
import { type CompressedModel, quantizeMatrix, shareTable } from './compressed-model.ts';
import type { CompressionStep } from './compression-settings.ts';
import { nearestOfRank } from './low-rank.ts';
import { fitPieces, nearestPieces } from './pieces.ts';
import { folded, type Mask, magnitudeMask, masked, withoutUnits } from './pruning.ts';
import { type Retraining, retrain, type TableRule } from './retrain.ts';

type Step<Kind extends CompressionStep['step']> = Extract<CompressionStep, { step: Kind }>;

/**
 * The model after a step. Weights that a step changes lose the bits that an earlier step gave them, so quantize last.
 * `mask` holds what an earlier step pruned; later training keeps it out.
 */
export interface StepResult {
  readonly model: CompressedModel;
  readonly mask?: Mask;
}

/** Does a step, with retraining where it has epochs. */
export async function compress(
  { model: { tower, forms }, mask }: StepResult,
  step: Exclude<CompressionStep, { step: 'trained' }>,
  how: Retraining,
): Promise<StepResult> {
  const again = async (changed: Tower, rule: TableRule): Promise<Tower> =>
    step.epochs === 0 ? changed : await retrain(changed, { epochs: step.epochs, rule, how });
  const held: TableRule = mask ? { mask: () => mask } : {};
  const kept = mask ? { mask } : {};
  switch (step.step) {
    case 'prune':
      return await prune(tower, step, how);
    case 'drop-units':
      return { model: { tower: await again(withoutUnits(tower, step.share), held), forms: {} }, ...kept };
    case 'fold':
      return { model: { tower: await again(folded(tower), {}), forms: {} } };
    case 'low-rank':
      return { model: { tower: await again(lowRank(tower, step), held), forms: {} }, ...kept };
    case 'quantize':
      return {
        model: quantized(await again(tower, { ...held, seen: seenAs(step, tower.shape.width) }), step, forms),
        ...kept,
      };
    case 'codebook':
      return { model: await shared({ tower, forms: {} }, step, { how, held }) };
  }
}

async function shared(
  { tower, forms }: CompressedModel,
  step: Step<'codebook'>,
  { how, held }: { readonly how: Retraining; readonly held: TableRule },
): Promise<CompressedModel> {
  const { width } = tower.shape;
  const pieces = fitPieces(tower.table, { ...step, rowWidth: width, seed: how.seed });
  const seen = (rows: Float32Array): Float32Array =>
    dequantize(nearestPieces(rows, pieces), { shape: [rows.length / width, width], axis: 0, bits: 8 });
  const { epochs } = step;
  const trained = epochs === 0 ? tower : await retrain(tower, { epochs, rule: { ...held, seen }, how });
  return withMatrices(shareTable({ tower: trained, forms }, pieces), { ...step, clip: true });
}

/** Masks are made anew this many times while the pruned share grows. */
const PRUNINGS = 20;

async function prune(tower: Tower, step: Step<'prune'>, how: Retraining): Promise<StepResult> {
  const options = { scope: step.scope, width: tower.shape.width };
  if (step.epochs === 0) {
    const mask = magnitudeMask(tower.table, { share: step.share, ...options });
    return { model: { tower: masked(tower, mask), forms: {} }, mask };
  }
  let pruning = -1;
  let mask: Mask = new Uint8Array(tower.table.length).fill(1);
  const growing = (table: Float32Array, at: { readonly step: number; readonly steps: number }): Mask => {
    const progress = Math.min(1, (2 * at.step) / at.steps);
    const now = Math.floor(progress * PRUNINGS);
    if (now === pruning) return mask;
    pruning = now;
    mask = magnitudeMask(table, { share: step.share * (1 - (1 - now / PRUNINGS) ** 3), ...options });
    // Rows that no later batch uses must lose their weights, too, or the next mask would count them as great.
    table.forEach((_, index) => {
      if (mask[index] === 0) table[index] = 0;
    });
    return mask;
  };
  const trained = await retrain(tower, { epochs: step.epochs, rule: { mask: growing }, how });
  return { model: { tower: masked(trained, mask), forms: {} }, mask };
}

function lowRank(tower: Tower, { matrix, rank }: Step<'low-rank'>): Tower {
  const { width, hidden } = tower.shape;
  if (matrix === 'table') return { ...tower, table: nearestOfRank(tower.table, { columns: width, rank }) };
  const weight = nearestOfRank(tower.dense['hidden.weight'], { columns: hidden, rank });
  return { ...tower, dense: { ...tower.dense, 'hidden.weight': weight } };
}

function seenAs({ bits, clip }: Step<'quantize'>, width: number): (rows: Float32Array) => Float32Array {
  return (rows) => {
    const grid = { shape: [rows.length / width, width], axis: 0, bits };
    return dequantize(quantize(rows, grid, clip ? clippedScales(rows, grid) : undefined), grid);
  };
}

function quantized(tower: Tower, step: Step<'quantize'>, forms: CompressedModel['forms']): CompressedModel {
  const { clip } = step;
  const table = quantizeMatrix({ tower, forms: step.epochs > 0 ? {} : forms }, 'table', {
    bits: step.bits,
    clip,
  });
  return withMatrices(table, step);
}

function withMatrices(
  model: CompressedModel,
  { hiddenBits, headBits, clip }: Pick<Step<'quantize'>, 'hiddenBits' | 'headBits' | 'clip'>,
): CompressedModel {
  const hidden =
    model.tower.shape.hidden === 0 ? model : quantizeMatrix(model, 'hidden', { bits: hiddenBits, clip });
  return quantizeMatrix(hidden, 'head', { bits: headBits, clip });
}
