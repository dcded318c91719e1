// Owns another mounting of the accelerometer: channels in any order and direction. It never changes the window that it is given.
import type { Augmentation } from '../sensor/train.ts';
import { SHAPE } from './windows.ts';

/** The same vibration, seen by a sensor that is mounted another way. */
export const anyMounting: Augmentation = (values, random) => {
  const length = SHAPE.windowSamples;
  const result = new Float32Array(values.length);
  random.order(SHAPE.channels).forEach((from, to) => {
    const channel = values.subarray(from * length, (from + 1) * length);
    const sign = random.uniform() < 0.5 ? -1 : 1;
    result.set(
      channel.map((value) => sign * value),
      to * length,
    );
  });
  return result;
};
