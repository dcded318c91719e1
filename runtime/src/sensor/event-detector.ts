/**
 * Owns when an event starts and stops: a label's probability must reach the start threshold in several windows in a row, and fall below
 * the lower stop threshold as often (hysteresis with debounce). Pure state; never sees samples, only the scores of windows.
 */
import type { SensorParameters } from '@nanofleet/protocol';
import type { SensorScored } from '../runner.ts';

/** The beginning or the end of an event. */
export interface SensorEvent {
  readonly kind: 'start' | 'stop';
  readonly label: string;
  /** Last sample of the window that decided, counted from 0 since the stream began. */
  readonly sample: number;
  /** Last sample of the first window that agreed: the best estimate of when it really began or ended. */
  readonly sinceSample: number;
  /** Calibrated probability of the label in the deciding window. */
  readonly confidence: number;
}

interface Track {
  readonly label: string;
  readonly labelIndex: number;
  readonly start: number;
  readonly stop: number;
  isActive: boolean;
  /** Windows in a row that speak for a change, and the last sample of the first of them. */
  agreeing: number;
  sinceSample: number;
}

/** One per sensor stream. A window that is out of scope changes nothing: an unknown vibration neither starts nor ends a known event. */
export class EventDetector {
  readonly #debounceWindows: number;
  readonly #tracks: Track[];

  constructor(parameters: SensorParameters, labels: readonly string[]) {
    this.#debounceWindows = parameters.debounceWindows;
    this.#tracks = parameters.events.map(({ label, start, stop }) => ({
      label,
      labelIndex: labels.indexOf(label),
      start,
      stop,
      isActive: false,
      agreeing: 0,
      sinceSample: 0,
    }));
  }

  /** Labels whose event has started and not stopped. */
  get active(): string[] {
    return this.#tracks.filter((track) => track.isActive).map((track) => track.label);
  }

  /** The events that one more window starts or stops; windows must come in order. */
  observe(scored: SensorScored, lastSample: number): SensorEvent[] {
    if (scored.verdict === 'out-of-scope') return [];
    return this.#tracks.flatMap((track) => {
      const confidence = scored.probabilities[track.labelIndex] ?? 0;
      return this.#observe(track, { confidence, lastSample });
    });
  }

  #observe(
    track: Track,
    { confidence, lastSample }: { confidence: number; lastSample: number },
  ): SensorEvent[] {
    const speaksForChange = track.isActive ? confidence < track.stop : confidence >= track.start;
    if (!speaksForChange) {
      track.agreeing = 0;
      return [];
    }
    if (track.agreeing === 0) track.sinceSample = lastSample;
    track.agreeing += 1;
    if (track.agreeing < this.#debounceWindows) return [];
    track.isActive = !track.isActive;
    track.agreeing = 0;
    const kind = track.isActive ? 'start' : 'stop';
    return [{ kind, label: track.label, sample: lastSample, sinceSample: track.sinceSample, confidence }];
  }
}
