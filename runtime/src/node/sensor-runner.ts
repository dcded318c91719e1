/**
 * Owns the path from a window of raw samples to its scores: one run of the graph, which normalizes inside, then scoring.
 */
import { type Digest, NanofleetError, type SensorManifest } from '@nanofleet/protocol';
import type { InferenceSession } from 'onnxruntime-node';
import { softmax } from '../metrics.ts';
import type { SensorRunner } from '../runner.ts';
import { scoreLogits } from '../scoring.ts';
import { Tensor } from './engine.ts';
import { logitsOf } from './logits.ts';

const FETCHES = ['logits'];

/** A sensor runner over an open session, which it owns from then on. */
export function openSensorRunner(options: {
  session: InferenceSession;
  manifest: SensorManifest;
  digest: Digest;
}): SensorRunner {
  const { session, manifest, digest } = options;
  const { calibration, thresholds, sensor } = manifest;
  const labels = manifest.labels.names;
  const shape = [1, sensor.channels.length, sensor.windowSamples];
  return {
    task: 'sensor-event',
    line: manifest.line,
    version: manifest.version,
    releaseCounter: manifest.releaseCounter,
    digest,
    labels,
    manifest,
    async score(window) {
      checkLength(window, sensor.channels.length * sensor.windowSamples);
      const outputs = await session.run({ window: new Tensor('float32', window, shape) }, FETCHES);
      const logits = logitsOf(outputs, labels.length);
      const scored = scoreLogits(logits, { calibration, thresholds, labels });
      return { ...scored, probabilities: softmax(logits, calibration.temperature) };
    },
    release: () => session.release(),
  };
}

function checkLength(window: Float32Array, expected: number): void {
  if (window.length === expected) return;
  const problem = `A window of ${window.length} values was given; this model takes ${expected}.`;
  throw new NanofleetError('CHANNELS_WRONG', problem, { facts: { values: window.length, expected } });
}
