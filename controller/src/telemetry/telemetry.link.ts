/**
 * Events of devices into the database, exactly once in effect: in batches, acknowledged after the commit. When the
 * queue is full the device's session ends: it keeps what is not acknowledged and sends it again.
 */

import { EVENT_ROWS_MAX, INGEST_DELAY_MS, type Message } from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { storableJson } from '../db/database.ts';
import { acknowledge, identityOf } from '../link/acknowledge.ts';
import { Link } from '../link/link.ts';
import { RecordBatches } from '../link/record-batches.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { type NewEvent, TelemetryRepository } from './telemetry.repository.ts';

/** Looking for rows beyond the bound costs a query. */
const TRIM_EVERY_ROWS = EVENT_ROWS_MAX / 100;

/** Takes events. */
@Injectable()
export class TelemetryLink implements OnModuleInit, OnModuleDestroy {
  readonly #batches: RecordBatches<NewEvent>;
  #sinceTrim = 0;
  /** Records that were there already, since the process started. */
  duplicates = 0;

  constructor(
    private readonly link: Link,
    private readonly repository: TelemetryRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {
    this.#batches = new RecordBatches({
      clock,
      log,
      delayMs: INGEST_DELAY_MS,
      commit: (rows) => this.#commit(rows),
      settled: (rows) => this.#settled(rows),
      refused: () => {
        link.counts.malformed += 1;
      },
    });
  }

  /** Registers the taker. */
  onModuleInit(): void {
    this.link.on('event', (message) => this.#event(message));
  }

  /** Ends the queue; what is not stored was not acknowledged. */
  async onModuleDestroy(): Promise<void> {
    await this.#batches.close();
  }

  #event(message: Message<'event'>): Promise<void> | undefined {
    const row = {
      ...identityOf(message),
      recordedAt: message.at,
      receivedAt: this.clock.unixMs(),
      type: message.body.type,
      event: storableJson(message.body),
    };
    const settled = this.#batches.add(row);
    if (settled !== null) return settled;
    this.link.drop(message.device);
    return undefined;
  }

  async #commit(rows: readonly NewEvent[]): Promise<void> {
    this.duplicates += rows.length - (await this.repository.store(rows));
  }

  #settled(rows: readonly NewEvent[]): void {
    acknowledge(this.link, rows).catch((thrown: unknown) =>
      this.log.warn('acknowledgements were not sent', factsOf(thrown)),
    );
    this.#sinceTrim += rows.length;
    if (this.#sinceTrim < TRIM_EVERY_ROWS) return;
    this.#sinceTrim = 0;
    this.repository
      .trim()
      .catch((thrown: unknown) => this.log.warn('old events were not removed', factsOf(thrown)));
  }
}
