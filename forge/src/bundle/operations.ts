// Owns counting what a run of a graph multiplies and adds, for cards: products of weights and activations; sums of table rows,
// norms and rectifiers are left out, as is usual. Pure.
import { tagCount } from '@nanofleet/runtime';
import type { TaggerShape } from '../entities/tagger.ts';
import { penultimateWidth as taggerWidth } from '../entities/tagger.ts';
import { penultimateWidth, type SensorShape } from '../sensor/network.ts';
import type { TowerShape } from '../text/tower.ts';

/** Multiply-adds of a bag for one text. */
export const bagOperations = ({ width, hidden, classes }: TowerShape): number =>
  hidden === 0 ? width * classes : width * hidden + hidden * classes;

/** Multiply-adds of a tagger for a text of `tokens` tokens. */
export function taggerOperations(shape: TaggerShape, tokens: number): number {
  const { width, hidden, channels, convolutions, classes, types } = shape;
  const text = width * hidden + hidden * channels + taggerWidth(shape) * classes;
  const token = convolutions.reduce(
    (sum, { taps }, at) => sum + taps * (at === 0 ? width : channels) * channels,
    channels * tagCount(types),
  );
  return text + tokens * token;
}

/** Multiply-adds of a network for one window. */
export function sensorOperations(shape: SensorShape): number {
  let length = shape.windowSamples;
  let sum = penultimateWidth(shape) * shape.classes;
  for (const { inputs, outputs, taps, stride, padding, depthwise } of shape.convolutions) {
    length = Math.floor((length + 2 * padding - taps) / stride) + 1;
    sum += outputs * (depthwise ? 1 : inputs) * taps * length;
  }
  return sum;
}

/** What a run costs beside time: "1.8 MB of memory, 9.6 thousand multiply-adds". */
export const costText = (rssBytes: number, operations: number): string =>
  `${(rssBytes / 1e6).toFixed(1)} MB of memory, ${countText(operations)} multiply-adds`;

const countText = (count: number): string =>
  count < 1e6 ? `${(count / 1e3).toFixed(1)} thousand` : `${(count / 1e6).toFixed(1)} million`;
