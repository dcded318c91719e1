/**
 * Counts what the agent does and makes beats of it. Owns the counters and the interval; never the connection that
 * carries a beat.
 */

import type { Beat, RecordClass, Verdict } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import type { Host } from '../ports/host.ts';
import { LatencyRing } from './quantiles.ts';

/** Finer than anybody looks; what a beat does not have to say again costs no bytes. */
const CPU_SHARE_STEP = 1 / 1_000;
const RSS_STEP_BYTES = 1_000_000;

const toMultipleOf = (step: number, value: number): number =>
  Number((Math.round(value / step) * step).toPrecision(12));

/** What of a beat the other parts of the agent know. */
export interface BeatSurroundings {
  readonly session: number;
  readonly instance: string;
  readonly lines: Beat['lines'];
  readonly outbox: Record<RecordClass, { records: number; dropped: number; expired: number }>;
  readonly problems: Beat['problems'];
}

/** Counters since the process started. */
export class Health {
  readonly #clock: Clock;
  readonly #host: Host;
  readonly #startMicros: number;
  readonly #latencies = new LatencyRing();
  readonly #verdicts: Record<Verdict, number> = { sure: 0, unsure: 0, 'out-of-scope': 0 };
  #offloads = 0;
  #malformed = 0;
  #last: { micros: number; cpuSeconds: number };
  #lastBeat: Beat | null = null;

  constructor(clock: Clock, host: Host) {
    this.#clock = clock;
    this.#host = host;
    this.#startMicros = clock.monotonicMicros();
    this.#last = { micros: this.#startMicros, cpuSeconds: host.cpuSeconds() };
  }

  /** The newest beat made; null before the first. */
  get lastBeat(): Beat | null {
    return this.#lastBeat;
  }

  /** Messages that did not decode. */
  get malformed(): number {
    return this.#malformed;
  }

  countDecision(verdict: Verdict, micros: number): void {
    this.#verdicts[verdict] += 1;
    this.#latencies.add(micros);
  }

  countOffload(): void {
    this.#offloads += 1;
  }

  countMalformed(): void {
    this.#malformed += 1;
  }

  /** A beat over the time since the last one. */
  beat(around: BeatSurroundings): Beat {
    const micros = this.#clock.monotonicMicros();
    const cpuSeconds = this.#host.cpuSeconds();
    const elapsedS = Math.max(1e-3, (micros - this.#last.micros) / 1e6);
    const cpuShare = Math.max(0, (cpuSeconds - this.#last.cpuSeconds) / elapsedS);
    this.#last = { micros, cpuSeconds };
    const { sure, unsure, 'out-of-scope': outOfScope } = this.#verdicts;
    const total = sure + unsure + outOfScope;
    this.#lastBeat = {
      ...around,
      uptimeS: (micros - this.#startMicros) / 1e6,
      cpuShare: toMultipleOf(CPU_SHARE_STEP, cpuShare),
      rssBytes: toMultipleOf(RSS_STEP_BYTES, this.#host.rssBytes()),
      decisions: { total, sure, unsure, outOfScope },
      decisionMicros: this.#latencies.take(),
      offloadShare: total === 0 ? 0 : Math.min(1, this.#offloads / total),
    };
    return this.#lastBeat;
  }
}
