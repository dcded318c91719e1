// Owns what a sequence encoder is made of: its kinds, sizes, parameters and their first values. A teacher is an ensemble of
// these and of towers. It never traces a graph.
import { z } from 'zod';
import { SeededRandom } from '../seeded-random.ts';
import type { ParameterTensor } from '../train/training-session.ts';

/** The network section of a recipe of an encoder. */
export const encoderSettingsSchema = z.strictObject({
  kind: z.enum(['convolutional', 'recurrent', 'transformer']),
  /** Rows of the hashed table, their width, and the character n-grams of a word that have one. */
  buckets: z
    .int()
    .min(16)
    .max(1 << 20),
  width: z.int().min(4).max(512),
  charMin: z.int().min(1).max(8),
  charMax: z.int().min(1).max(8),
  /** Width of the layers; of each direction for `recurrent`. */
  hidden: z.int().min(4).max(1024),
  layers: z.int().min(1).max(8).default(1),
  /** Attention heads of a transformer; they divide `hidden`. */
  heads: z.int().min(1).max(16).default(4),
  /** Most frequent words that the masked-word head tells apart; 0 leaves it out. */
  vocabulary: z.int().min(0).max(32768).default(4096),
});

/** Sizes of an encoder. */
export type EncoderSettings = z.infer<typeof encoderSettingsSchema>;

/** Sizes with the number of classes of all tasks together. */
export interface EncoderShape extends EncoderSettings {
  readonly classes: number;
}

/** Longest text in words; the rest of a longer one is not read. */
export const WORDS_MAX = 32;

/** A trained encoder: `table` is [buckets, width]; `parameters` by name, in the order of `parameterSpecs`. */
export interface Encoder {
  readonly shape: EncoderShape;
  readonly table: Float32Array;
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

/** A parameter with the rule of its first value: `fan` inputs make it uniform in ±1/√fan, else it is filled. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly first: { readonly fan: number } | { readonly fill: number };
}

/** Every parameter but the table. */
export function parameterSpecs(shape: EncoderShape): ParameterSpec[] {
  const pooled = 3 * outputWidth(shape);
  return [
    ...norm('words.norm', shape.width),
    ...(shape.kind === 'recurrent' ? recurrent(shape) : layered(shape)),
    ...dense('pool.score', outputWidth(shape), 1),
    ...norm('pool.norm', pooled),
    ...dense('head', pooled, shape.classes),
    ...(shape.vocabulary === 0 ? [] : dense('mask.head', outputWidth(shape), shape.vocabulary)),
  ];
}

/** Width of what the encoder says of each word. */
export function outputWidth({ kind, hidden }: EncoderSettings): number {
  return kind === 'recurrent' ? 2 * hidden : hidden;
}

/** First values of all parameters but the table. */
export function freshParameters(shape: EncoderShape, seed: number): ParameterTensor[] {
  return parameterSpecs(shape).map(({ name, shape: dimensions, first }) => {
    const length = dimensions.reduce((product, size) => product * size, 1);
    const random = new SeededRandom(seed, 'initial', name);
    const elements =
      'fill' in first
        ? new Float32Array(length).fill(first.fill)
        : Float32Array.from({ length }, () => (2 * random.uniform() - 1) / Math.sqrt(first.fan));
    return { name, shape: dimensions, elements };
  });
}

function recurrent({ width, hidden }: EncoderShape): ParameterSpec[] {
  return ['forward', 'backward'].flatMap((direction) => [
    ...dense(`${direction}.input`, width, 3 * hidden),
    ...dense(`${direction}.state`, hidden, 3 * hidden),
  ]);
}

function layered({ kind, width, hidden, layers }: EncoderShape): ParameterSpec[] {
  const blocks = Array.from({ length: layers }, (_, layer) =>
    kind === 'convolutional' ? convolution(`layer${layer}`, hidden) : attention(`layer${layer}`, hidden),
  );
  const positions: ParameterSpec[] =
    kind === 'transformer' ? [{ name: 'positions', shape: [WORDS_MAX, hidden], first: { fan: hidden } }] : [];
  return [
    ...dense('words.project', width, hidden),
    ...positions,
    ...blocks.flat(),
    ...norm('last.norm', hidden),
  ];
}

const convolution = (name: string, hidden: number): ParameterSpec[] => [
  ...norm(`${name}.norm`, hidden),
  ...dense(`${name}.taps`, 3 * hidden, hidden),
];

const attention = (name: string, hidden: number): ParameterSpec[] => [
  ...norm(`${name}.norm`, hidden),
  ...dense(`${name}.query`, hidden, hidden),
  ...dense(`${name}.key`, hidden, hidden),
  ...dense(`${name}.value`, hidden, hidden),
  ...dense(`${name}.out`, hidden, hidden),
  ...norm(`${name}.wide.norm`, hidden),
  ...dense(`${name}.wide`, hidden, 2 * hidden),
  ...dense(`${name}.narrow`, 2 * hidden, hidden),
];

const dense = (name: string, inputs: number, outputs: number): ParameterSpec[] => [
  { name: `${name}.weight`, shape: [inputs, outputs], first: { fan: inputs } },
  { name: `${name}.bias`, shape: [outputs], first: { fill: 0 } },
];

const norm = (name: string, width: number): ParameterSpec[] => [
  { name: `${name}.gain`, shape: [width], first: { fill: 1 } },
  { name: `${name}.shift`, shape: [width], first: { fill: 0 } },
];
