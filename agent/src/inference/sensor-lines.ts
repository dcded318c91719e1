/**
 * Samples of sensor lines: cut into windows, scored in order, turned into events that are recorded. Owns one stream per
 * line and the occurrence ids of events under way. Never keeps samples beyond the window under way.
 */
import { isDeepStrictEqual } from 'node:util';
import type {
  DeviceEvent,
  LineId,
  SamplesAnswer,
  SamplesRequest,
  SensorEventView,
  Uuid,
} from '@nanofleet/protocol';
import { NanofleetError } from '@nanofleet/protocol';
import { type SensorEvent, type SensorRunner, type SensorScored, SensorStream } from '@nanofleet/runtime';
import type { Clock } from '@nanofleet/runtime/ports';
import type { LineFigures } from '../health/line-figures.ts';
import type { SensorShape } from '../sources/source-feed.ts';
import type { LiveInputs } from '../trial/live-inputs.ts';
import type { ModelLines } from './model-lines.ts';

/** What the sensor lines need. */
export interface SensorLinesOptions {
  readonly clock: Clock;
  readonly figures: LineFigures;
  readonly inputs: LiveInputs;
  readonly lines: ModelLines;
  readonly newId: () => Uuid;
  readonly record: (event: DeviceEvent) => void;
}

interface Stream {
  /** The one that the stream began with; only its names and its manifest are used later. */
  readonly runner: Pick<SensorRunner, 'line' | 'version' | 'manifest'>;
  readonly stream: SensorStream;
  readonly occurrences: Map<string, Uuid>;
}

/** All sensor lines. */
export class SensorLines {
  readonly #options: SensorLinesOptions;
  readonly #streams = new Map<LineId, Stream>();
  /** Samples of one line are scored one request after the other. */
  readonly #turns = new Map<LineId, Promise<unknown>>();

  constructor(options: SensorLinesOptions) {
    this.#options = options;
  }

  /**
   * Takes samples of one line, in their order.
   * @throws NanofleetError LINE_UNKNOWN, LINE_TASK_WRONG, SAMPLES_INVALID, SAMPLE_RATE_WRONG, CHANNELS_WRONG; then the
   * stream is as it was before
   */
  async take(request: SamplesRequest): Promise<SamplesAnswer> {
    const lease = this.#options.lines.lease('sensor-event', request.line);
    try {
      return await this.#inTurn(lease.runner.line, () => this.#score(lease.runner, request));
    } finally {
      lease.giveBack();
    }
  }

  /** What a sensor line takes. @throws NanofleetError LINE_UNKNOWN, LINE_TASK_WRONG */
  shape(line: LineId | undefined): SensorShape {
    const { runner, giveBack } = this.#options.lines.lease('sensor-event', line);
    giveBack();
    const { rateHz, channels } = runner.manifest.sensor;
    return { line: runner.line, rateHz, channels };
  }

  /** Ends the window and the events under way: the next samples did not follow the last ones. */
  interrupt(line: LineId): Promise<void> {
    return this.#inTurn(line, () => {
      const old = this.#streams.get(line);
      this.#streams.delete(line);
      if (old !== undefined) this.#endAll(old);
      return Promise.resolve();
    });
  }

  async #inTurn<T>(line: LineId, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(line) ?? Promise.resolve();
    const mine = before.then(work);
    this.#turns.set(
      line,
      mine.then(
        () => undefined,
        () => undefined,
      ),
    );
    return mine;
  }

  async #score(runner: SensorRunner, request: SamplesRequest): Promise<SamplesAnswer> {
    const current = this.#streamOf(runner);
    const windows = current.stream.push(flatten(request, runner.manifest.sensor.channels.length));
    const events: SensorEventView[] = [];
    for (const window of windows) {
      const scored = await this.#scored(runner, window.values);
      for (const event of current.stream.settle(window, scored))
        events.push(this.#view(runner, current, event));
    }
    for (const event of events) this.#options.record({ type: 'sensor-event', ...event });
    return { accepted: request.samples.length, windows: windows.length, events };
  }

  async #scored(runner: SensorRunner, values: Float32Array): Promise<SensorScored> {
    const { clock, figures, inputs } = this.#options;
    const startMicros = clock.monotonicMicros();
    try {
      const scored = await runner.score(values);
      figures.decided(runner, scored, clock.monotonicMicros() - startMicros);
      inputs.saw(runner.line, { task: 'sensor-event', window: values });
      return scored;
    } catch (thrown) {
      figures.failed(runner);
      inputs.failed(runner);
      throw thrown;
    }
  }

  /** The stream goes on over a new version that cuts and decides in the same way; else it begins anew. */
  #streamOf(runner: SensorRunner): Stream {
    const old = this.#streams.get(runner.line);
    if (old !== undefined && isSameStream(old.runner.manifest, runner.manifest)) return old;
    if (old !== undefined) this.#endAll(old);
    const fresh = {
      runner,
      stream: new SensorStream(runner.manifest),
      occurrences: new Map(),
    };
    this.#streams.set(runner.line, fresh);
    return fresh;
  }

  /** Events under way end with the stream that saw them: no start stays without its stop. */
  #endAll(old: Stream): void {
    for (const label of old.occurrences.keys()) {
      const event = {
        kind: 'stop',
        label,
        sample: Math.max(0, old.stream.samples - 1),
        confidence: 0,
      } as const;
      this.#options.record({ type: 'sensor-event', ...this.#view(old.runner, old, event) });
    }
  }

  #view(
    runner: Pick<SensorRunner, 'line' | 'version'>,
    { occurrences }: Stream,
    event: Pick<SensorEvent, 'kind' | 'label' | 'sample' | 'confidence'>,
  ): SensorEventView {
    const occurrence = occurrences.get(event.label) ?? this.#options.newId();
    if (event.kind === 'start') occurrences.set(event.label, occurrence);
    else occurrences.delete(event.label);
    const { kind: phase, label, confidence, sample } = event;
    return { occurrence, phase, label, confidence, sample, line: runner.line, version: runner.version };
  }
}

const isSameStream = (a: SensorRunner['manifest'], b: SensorRunner['manifest']): boolean =>
  isDeepStrictEqual(a.sensor, b.sensor) && isDeepStrictEqual(a.labels, b.labels);

const flatten = ({ rateHz, samples }: SamplesRequest, channels: number) => {
  const values = new Float32Array(samples.length * channels);
  samples.forEach((row, index) => {
    if (row.length !== channels) {
      const problem = `sample ${index} has ${row.length} channels; this line takes ${channels}`;
      throw new NanofleetError('CHANNELS_WRONG', problem, { facts: { sample: index, channels } });
    }
    values.set(row, index * channels);
  });
  return { rateHz, channels, values };
};
