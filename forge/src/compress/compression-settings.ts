// Owns the steps of compression as recipes spell them. It never does a step.
import { CODEBOOK_ENTRIES_MAX, CODEBOOK_WIDTH_MAX } from '@nanofleet/protocol';
import { z } from 'zod';

const share = z.number().min(0).max(0.99);
const bits = z.int().min(2).max(8);
/** Epochs of retraining, on labelled texts without a teacher; 0 for none. */
const epochs = z.int().min(0).max(100).default(0);

/** One step. Steps follow each other; `trained` goes back to the network as it was trained, to compare branches. */
export const compressionStepSchema = z.discriminatedUnion('step', [
  z.strictObject({ step: z.literal('trained') }),
  /** Sets the smallest weights of the table to zero, over the whole of it or the same share of every row. */
  z.strictObject({
    step: z.literal('prune'),
    share,
    scope: z.enum(['table', 'row']).default('table'),
    /** With retraining the share grows by a cubic schedule over the first half of it (Zhu and Gupta 2017). */
    epochs,
  }),
  /** Removes hidden units of least importance: mean |gelu weight| in times out. */
  z.strictObject({ step: z.literal('drop-units'), share, epochs }),
  /** Replaces the hidden layer's or the table's matrix by the nearest of a lower rank. */
  z.strictObject({
    step: z.literal('low-rank'),
    matrix: z.enum(['table', 'hidden']),
    rank: z.int().min(1).max(1024),
    epochs,
  }),
  /** Halves the table: rows b and b + buckets/2 become one, which is what a hash into half the buckets gives. */
  z.strictObject({ step: z.literal('fold'), epochs }),
  /** Quantizes; with epochs the table is trained while it is quantized (straight-through). */
  z.strictObject({
    step: z.literal('quantize'),
    bits,
    hiddenBits: bits.max(7).default(7),
    /** The head keeps 7 bits unless it is told otherwise: devices go on learning on its grid. */
    headBits: bits.max(7).default(7),
    clip: z.boolean().default(true),
    epochs,
  }),
  /** Makes the table's rows of pieces that all of them share; a piece as wide as a row ties whole rows to each other. */
  z.strictObject({
    step: z.literal('codebook'),
    /** Weights of a piece; a row is a whole number of pieces. */
    width: z.int().min(1).max(CODEBOOK_WIDTH_MAX),
    entries: z.int().min(2).max(CODEBOOK_ENTRIES_MAX),
    hiddenBits: bits.max(7).default(7),
    headBits: bits.max(7).default(7),
    /** With epochs the rows are trained while texts see them made of pieces (straight-through); pieces stay as they are. */
    epochs,
  }),
]);

/** A step with its defaults. */
export type CompressionStep = z.infer<typeof compressionStepSchema>;

/** A short name that tells steps apart in tables: `prune 50 %, 4 epochs`. */
export function stepName(step: CompressionStep): string {
  const retrained = 'epochs' in step && step.epochs > 0 ? `, ${step.epochs} epochs` : '';
  switch (step.step) {
    case 'trained':
      return 'as trained';
    case 'prune':
      return `prune ${percent(step.share)} of ${step.scope === 'table' ? 'the table' : 'each row'}${retrained}`;
    case 'drop-units':
      return `drop ${percent(step.share)} of the units${retrained}`;
    case 'low-rank':
      return `${step.matrix} of rank ${step.rank}${retrained}`;
    case 'fold':
      return `fold the table${retrained}`;
    case 'quantize':
      return `${step.bits} bits${matrixBits(step)}${step.clip ? '' : ' unclipped'}${retrained}`;
    case 'codebook':
      return `${step.entries} pieces of ${step.width}${matrixBits(step)}${retrained}`;
  }
}

const matrixBits = ({ hiddenBits, headBits }: { hiddenBits: number; headBits: number }): string =>
  hiddenBits === 7 && headBits === 7 ? '' : ` (hidden ${hiddenBits}, head ${headBits})`;

const percent = (value: number): string => `${Math.round(value * 100)} %`;
