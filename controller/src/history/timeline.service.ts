/**
 * Notes what happens in the fleet. Happenings are gathered for a moment and written together; a kill may lose that
 * moment, for the tables of devices, models and rollouts, not the timeline, are the truth. Never carries input.
 */

import {
  type DeviceId,
  type Digest,
  type ErrorCode,
  type GroupId,
  type LineId,
  TIMELINE_ROWS_MAX,
  type TimelineKind,
} from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { storable } from '../db/database.ts';
import { RecordBatches } from '../link/record-batches.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { type NewHappening, TimelineRepository } from './timeline.repository.ts';

/** Wait for company: a whole fleet that comes back is a few inserts. */
const GATHER_MS = 50;
const TRIM_EVERY_ROWS = TIMELINE_ROWS_MAX / 100;
const DETAIL_MAX = 500;

/** One happening as it is noted. */
export interface Happening {
  readonly kind: TimelineKind;
  /** Within its kind: the same key is the same happening. */
  readonly key: string;
  readonly device?: DeviceId;
  readonly group?: GroupId;
  readonly line?: LineId;
  readonly digest?: Digest;
  readonly code?: ErrorCode;
  readonly detail?: string;
  /** Id of a rollout or round. */
  readonly subject?: string;
  readonly figures?: Readonly<Record<string, number>>;
}

/** The timeline. */
@Injectable()
export class TimelineService implements OnModuleDestroy {
  readonly #batches: RecordBatches<NewHappening>;
  readonly #clock: Clock;
  #sinceTrim = 0;

  constructor(
    private readonly repository: TimelineRepository,
    @Inject(CLOCK) clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.#clock = clock;
    this.#batches = new RecordBatches({
      clock,
      log,
      delayMs: GATHER_MS,
      commit: (rows) => repository.add(rows),
      settled: (rows) => this.#settled(rows.length),
      refused: ({ kind }) => log.warn('a happening was refused', { kind }),
    });
  }

  /** Notes a happening of this moment; when there is no room it is lost, and the log says so. */
  note({ device, group, line, digest, code, detail, subject, figures, kind, key }: Happening): void {
    const row = {
      kind,
      key: `${kind} ${key}`,
      at: this.#clock.unixMs(),
      device: device ?? null,
      deviceGroup: group ?? null,
      line: line ?? null,
      digest: digest ?? null,
      code: code ?? null,
      detail: detail === undefined ? null : storable(detail.slice(0, DETAIL_MAX)),
      subject: subject ?? null,
      figures: { ...figures },
    };
    if (!this.#batches.add(row)) this.log.warn('a happening was not noted', { kind });
  }

  /** Ends the queue. */
  async onModuleDestroy(): Promise<void> {
    await this.#batches.close();
  }

  #settled(count: number): void {
    this.#sinceTrim += count;
    if (this.#sinceTrim < TRIM_EVERY_ROWS) return;
    this.#sinceTrim = 0;
    this.repository.trim().catch((thrown: unknown) => this.log.warn('old happenings stay', factsOf(thrown)));
  }
}
