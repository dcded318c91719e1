// Owns a tagger: a table of feature rows, the bag and hidden layer that decide the intent, and the convolutions over tokens
// that decide tags, with its weights as plain arrays. It never trains and never quantizes.
import type { TextFeatureParameters } from '@nanofleet/protocol';
import { tagCount } from '@nanofleet/runtime';
import { SeededRandom } from '../seeded-random.ts';
import type { ParameterTensor } from '../train/training-session.ts';

/** One convolution over tokens: `taps` (odd) tokens, `dilation` apart, the middle one in the centre. */
export interface ConvolutionShape {
  readonly taps: number;
  readonly dilation: number;
}

/** Sizes of a tagger. */
export interface TaggerShape {
  readonly features: TextFeatureParameters;
  /** Width of a table row. */
  readonly width: number;
  /** Units of the layer over the bag of all rows. */
  readonly hidden: number;
  /** Units of each convolution. */
  readonly channels: number;
  readonly convolutions: readonly ConvolutionShape[];
  /** Count of intents. */
  readonly classes: number;
  /** Count of entity types. */
  readonly types: number;
  /** Whether the order of tags is learned with them; else transitions are counted. */
  readonly learnsOrder: boolean;
}

/** The weight that scores the order of tags, [1 + types, 2 + types]; graphs for devices leave it to the decoder. */
export const TAG_ORDER = 'order';

/** A trained tagger: `table` is [buckets, width]; the others by their names, row major. */
export interface Tagger {
  readonly shape: TaggerShape;
  readonly table: Float32Array;
  readonly dense: ReadonlyMap<string, Float32Array>;
}

/** Width of what the head of intents reads: the hidden layer beside the mean of the last convolution. */
export const penultimateWidth = ({ hidden, channels }: TaggerShape): number => hidden + channels;

/** The parameters that are not the table with their dimensions, in the order in which files keep them. */
export function denseShapes(shape: TaggerShape): Map<string, readonly number[]> {
  const { width, hidden, channels, classes, convolutions } = shape;
  const shapes = new Map<string, readonly number[]>();
  const linear = (name: string, inputs: number, outputs: number): void => {
    shapes.set(`${name}.weight`, [inputs, outputs]).set(`${name}.bias`, [outputs]);
  };
  const norm = (name: string, size: number): void => {
    shapes.set(`${name}.gain`, [size]).set(`${name}.shift`, [size]);
  };
  norm('norm', width);
  linear('hidden', width, hidden);
  norm('token.norm', width);
  linear('context', hidden, channels);
  convolutions.forEach(({ taps }, at) => {
    linear(`conv${at}`, taps * (at === 0 ? width : channels), channels);
    norm(`conv${at}.norm`, channels);
  });
  linear('tags', channels, tagCount(shape.types));
  linear('head', penultimateWidth(shape), classes);
  if (shape.learnsOrder) shapes.set(TAG_ORDER, [shape.types + 1, shape.types + 2]);
  return shapes;
}

/** An untrained tagger: table rows N(0, 0.1²), weights uniform in ±1/√inputs, gains 1, biases and order 0. */
export function freshTagger(shape: TaggerShape, seed: number): Tagger {
  const random = new SeededRandom(seed, 'initial weights');
  const table = Float32Array.from(
    { length: shape.features.buckets * shape.width },
    () => 0.1 * random.normal(),
  );
  const dense = [...denseShapes(shape)].map(([name, [inputs = 1, outputs]]) => {
    if (name === TAG_ORDER) return [name, new Float32Array(inputs * (outputs ?? 1))] as const;
    if (outputs === undefined)
      return [name, new Float32Array(inputs).fill(name.endsWith('gain') ? 1 : 0)] as const;
    const uniform = (): number => (2 * random.uniform() - 1) / Math.sqrt(inputs);
    return [name, Float32Array.from({ length: inputs * outputs }, uniform)] as const;
  });
  return { shape, table, dense: new Map(dense) };
}

/** The parameters that are not the table, as a training session takes them. */
export function denseTensors(tagger: Tagger): ParameterTensor[] {
  return [...denseShapes(tagger.shape)].map(([name, shape]) => ({
    name,
    shape,
    elements: tagger.dense.get(name) ?? new Float32Array(),
  }));
}
