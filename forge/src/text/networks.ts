// Owns what the kinds of networks have in common: each is trained from sources of texts and then says logits of texts.
// It never chooses texts.
import { TextFeatures } from '@nanofleet/runtime';
import { encoderLogits } from '../encoder/encoder-evaluation.ts';
import type { Encoder } from '../encoder/encoder-shape.ts';
import { firstClasses, trainEncoder } from '../encoder/train-encoder.ts';
import { linearLogits } from '../linear/linear-evaluation.ts';
import type { Linear } from '../linear/linear-shape.ts';
import { trainLinear } from '../linear/train-linear.ts';
import { featuresOf, type Recipe } from './recipe.ts';
import type { TextSource } from './text-sources.ts';
import type { Tower } from './tower.ts';
import { towerLogits } from './tower-evaluation.ts';
import { type TrainingProgress, trainTower, type ValidationTexts } from './train-tower.ts';

/** A trained network of any kind. */
export type Network =
  | { readonly kind: 'bag'; readonly tower: Tower }
  | { readonly kind: 'encoder'; readonly encoder: Encoder; readonly labels: number }
  | { readonly kind: 'linear'; readonly linear: Linear };

/** A network with its share of right answers on validation texts and the epochs that it was trained. */
export interface TrainedNetwork {
  readonly network: Network;
  readonly accuracy: number;
  readonly epochs: number;
}

/** What training a network needs. */
export interface NetworkTraining {
  readonly recipe: Recipe;
  readonly seed: number;
  /** Classes of the model, and of all tasks together. */
  readonly labels: number;
  readonly classes: number;
  readonly stepsPerEpoch: number;
  readonly learning: () => Promise<readonly TextSource[]>;
  readonly validation: ValidationTexts;
  readonly directory: string;
  readonly progress: TrainingProgress;
}

/** Trains the network of a recipe, or goes on where a killed run ended. */
export async function trainNetwork(run: NetworkTraining): Promise<TrainedNetwork> {
  const { network, training } = run.recipe;
  if (network.kind === 'bag') {
    const shape = {
      features: featuresOf(network),
      width: network.width,
      hidden: network.hidden,
      classes: run.labels,
    };
    const { tower, accuracy, epochs } = await trainTower({ ...run, shape, training });
    return { network: { kind: 'bag', tower }, accuracy, epochs };
  }
  if (network.kind === 'linear') {
    const { linear, ...trained } = await trainLinear({
      ...run,
      settings: network,
      classes: run.labels,
      training,
    });
    return { network: { kind: 'linear', linear }, ...trained };
  }
  const { encoder, accuracy, epochs } = await trainEncoder({
    ...run,
    shape: { ...network, classes: run.classes },
    training,
    validation: { ...run.validation, classes: run.labels },
  });
  return { network: { kind: 'encoder', encoder, labels: run.labels }, accuracy, epochs };
}

/** Logits [texts, labels], row major. */
export async function networkLogits(network: Network, texts: readonly string[]): Promise<Float32Array> {
  if (network.kind === 'bag') {
    const features = new TextFeatures(network.tower.shape.features);
    return await towerLogits(
      network.tower,
      texts.map((text) => features.of(text).rows),
    );
  }
  if (network.kind === 'linear') return linearLogits(network.linear, texts);
  const logits = await encoderLogits(network.encoder, texts);
  return firstClasses(logits, { classes: network.encoder.shape.classes, kept: network.labels });
}

/** The weights of a network that tell it from others of its recipe. */
export function networkTable(network: Network): Float32Array {
  switch (network.kind) {
    case 'bag':
      return network.tower.table;
    case 'encoder':
      return network.encoder.table;
    case 'linear':
      return network.linear.table;
  }
}
