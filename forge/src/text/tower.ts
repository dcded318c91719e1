// Owns a tower: a table of feature rows, a layer norm, a hidden layer and a head, with its weights as plain arrays.
// Several towers side by side make one model. It never trains and never quantizes.
import type { TextFeatureParameters } from '@nanofleet/protocol';
import { SeededRandom } from '../seeded-random.ts';
import type { ParameterTensor } from '../train/training-session.ts';

/** Sizes of a tower. */
export interface TowerShape {
  readonly features: TextFeatureParameters;
  /** Width of a table row. */
  readonly width: number;
  /** Units of the hidden layer; 0 for none: the head then reads the normed sum of rows. */
  readonly hidden: number;
  readonly classes: number;
}

const DENSE_PARAMETERS = [
  'norm.gain',
  'norm.shift',
  'hidden.weight',
  'hidden.bias',
  'head.weight',
  'head.bias',
] as const;
/** Name of a parameter that is not the table. */
export type DenseParameter = (typeof DENSE_PARAMETERS)[number];

/** Names of the parameters that are not the table, in the order in which files keep them. */
export function denseParameters({ hidden }: TowerShape): DenseParameter[] {
  return DENSE_PARAMETERS.filter((name) => hidden > 0 || !name.startsWith('hidden.'));
}

/** Width of what the head reads. */
export const penultimateWidth = ({ width, hidden }: Pick<TowerShape, 'width' | 'hidden'>): number =>
  hidden === 0 ? width : hidden;

/** A trained tower: `table` is [buckets, width], `hidden.weight` [width, hidden], `head.weight` [hidden, classes], row major. Parameters that the shape lacks are empty. */
export interface Tower {
  readonly shape: TowerShape;
  readonly table: Float32Array;
  readonly dense: Readonly<Record<DenseParameter, Float32Array>>;
}

/** The dimensions of a parameter. */
export function parameterShape(shape: TowerShape, name: DenseParameter): number[] {
  const { width, hidden, classes } = shape;
  const shapes: Record<DenseParameter, number[]> = {
    'norm.gain': [width],
    'norm.shift': [width],
    'hidden.weight': [width, hidden],
    'hidden.bias': [hidden],
    'head.weight': [penultimateWidth(shape), classes],
    'head.bias': [classes],
  };
  return shapes[name];
}

/** An untrained tower: table rows N(0, 0.1²), weights uniform in ±1/√inputs, gains 1, biases 0. */
export function freshTower(shape: TowerShape, seed: number): Tower {
  const random = new SeededRandom(seed, 'initial weights');
  const table = Float32Array.from(
    { length: shape.features.buckets * shape.width },
    () => 0.1 * random.normal(),
  );
  const uniform = (name: DenseParameter, inputs: number): Float32Array =>
    Float32Array.from({ length: length(shape, name) }, () => (2 * random.uniform() - 1) / Math.sqrt(inputs));
  const zeros = (name: DenseParameter): Float32Array => new Float32Array(length(shape, name));
  const dense = {
    'norm.gain': zeros('norm.gain').fill(1),
    'norm.shift': zeros('norm.shift'),
    'hidden.weight': uniform('hidden.weight', shape.width),
    'hidden.bias': zeros('hidden.bias'),
    'head.weight': uniform('head.weight', penultimateWidth(shape)),
    'head.bias': zeros('head.bias'),
  };
  return { shape, table, dense };
}

/** The parameters that are not the table, as a training session takes them. */
export function denseTensors(tower: Tower): ParameterTensor[] {
  return denseParameters(tower.shape).map((name) => ({
    name,
    shape: parameterShape(tower.shape, name),
    elements: tower.dense[name],
  }));
}

function length(shape: TowerShape, name: DenseParameter): number {
  return parameterShape(shape, name).reduce((product, size) => product * size, 1);
}
