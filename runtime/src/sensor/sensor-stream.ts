/**
 * Owns one stream of samples from one sensor: chunks in, windows out, scores in, events out. Joins the cutter and the detector; the
 * caller runs the model between the two, because only it knows how to wait for it.
 */
import type { SensorManifest } from '@nanofleet/protocol';
import type { SensorScored } from '../runner.ts';
import { EventDetector, type SensorEvent } from './event-detector.ts';
import { type SampleChunk, type SensorWindow, WindowCutter } from './window-cutter.ts';

/** State of one sensor stream; a new model means a new stream. */
export class SensorStream {
  readonly #cutter: WindowCutter;
  readonly #detector: EventDetector;

  constructor(manifest: Pick<SensorManifest, 'sensor' | 'labels'>) {
    this.#cutter = new WindowCutter(manifest.sensor);
    this.#detector = new EventDetector(manifest.sensor, manifest.labels.names);
  }

  /** Samples taken so far. */
  get samples(): number {
    return this.#cutter.samples;
  }

  /** Labels whose event is going on. */
  get active(): string[] {
    return this.#detector.active;
  }

  /** Takes a chunk and returns the windows it completes; throws as WindowCutter.push does and then has taken nothing. */
  push(chunk: SampleChunk): SensorWindow[] {
    return this.#cutter.push(chunk);
  }

  /** Takes the scores of the windows in the order in which push returned them. */
  settle(window: SensorWindow, scored: SensorScored): SensorEvent[] {
    return this.#detector.observe(scored, window.lastSample);
  }
}
