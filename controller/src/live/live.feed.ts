/**
 * Follows the database while somebody reads, and writes what is new to every stream. All state that matters is in the
 * database: with two controllers each feeds its own readers. A reader that is too slow is cut and comes back with its
 * place. Never decides who may read.
 */

import type { ServerResponse } from 'node:http';
import {
  type LiveEvent,
  NanofleetError,
  STREAM_BYTES_MAX,
  STREAM_DECISIONS_MAX,
  STREAM_TIMELINE_MAX,
  STREAMS_MAX,
} from '@nanofleet/protocol';
import type { CancelTimer, Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { TimelineRepository } from '../history/timeline.repository.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { FleetService } from '../telemetry/fleet.service.ts';
import { changedParts, frameOf, type Place } from './live.plan.ts';
import { LiveRepository, type Look } from './live.repository.ts';

const LOOK_EVERY_MS = 500;

interface Reader {
  readonly out: ServerResponse;
  /** Null until it has caught up. */
  place: Place | null;
  readonly from: Place | null;
}

/** The streams of one controller. */
@Injectable()
export class LiveFeed implements OnModuleDestroy {
  readonly #readers = new Set<Reader>();
  #last: Look | null = null;
  #figures = '';
  #cancel: CancelTimer | null = null;
  #isLooking = false;

  constructor(
    private readonly repository: LiveRepository,
    private readonly timeline: TimelineRepository,
    private readonly fleet: FleetService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /**
   * Adds a reader from its place on, or from now; it is forgotten when its connection closes.
   * @throws NanofleetError STREAMS_TOO_MANY
   */
  add(out: ServerResponse, from: Place | null): void {
    this.requireRoom();
    const reader: Reader = { out, from, place: null };
    this.#readers.add(reader);
    out.on('close', () => this.#readers.delete(reader));
    out.on('error', () => this.#readers.delete(reader));
    this.#cancel?.();
    this.#look();
  }

  /** How many read now. */
  get readers(): number {
    return this.#readers.size;
  }

  /** @throws NanofleetError STREAMS_TOO_MANY */
  requireRoom(): void {
    if (this.#readers.size < STREAMS_MAX) return;
    throw new NanofleetError(
      'STREAMS_TOO_MANY',
      `This controller feeds ${STREAMS_MAX} streams already; close dashboards that nobody reads.`,
    );
  }

  /** Ends every stream. */
  onModuleDestroy(): void {
    this.#cancel?.();
    for (const { out } of this.#readers) out.destroy();
    this.#readers.clear();
  }

  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#step()
      .catch((thrown: unknown) => this.log.warn('the stream waits for the database', factsOf(thrown)))
      .finally(() => {
        this.#isLooking = false;
        this.#later();
      });
  }

  #later(): void {
    if (this.#readers.size === 0) {
      this.#last = null;
      return;
    }
    this.#cancel = this.clock.after(LOOK_EVERY_MS, () => this.#look());
  }

  async #step(): Promise<void> {
    const seen = await this.repository.look();
    const before = this.#last ?? seen;
    const figures = await this.fleet.figures();
    for (const frame of await this.#news(before, seen)) this.#writeAll(frame);
    const text = JSON.stringify(figures);
    if (text !== this.#figures) this.#writeAll(frameOf({ name: 'fleet', value: figures, place: seen.place }));
    this.#figures = text;
    this.#last = seen;
    for (const reader of this.#readers) if (reader.place === null) await this.#catchUp(reader, seen, figures);
  }

  /** What a reader that was up to date has to be told. */
  async #news(before: Look, seen: Look): Promise<string[]> {
    const parts = changedParts(before.marks, seen.marks);
    return [
      ...(await this.#timelineFrames(before.place, seen.place)),
      ...(await this.#decisionFrames(before.place, seen.place)),
      ...(parts.length > 0 ? [frameOf({ name: 'changed', value: parts, place: seen.place })] : []),
    ];
  }

  async #catchUp(reader: Reader, seen: Look, figures: unknown): Promise<void> {
    const from = reader.from ?? seen.place;
    for (const frame of await this.#timelineFrames(from, seen.place)) this.#write(reader, frame);
    for (const frame of await this.#decisionFrames(from, seen.place)) this.#write(reader, frame);
    this.#write(reader, frameOf({ name: 'fleet', value: figures, place: seen.place }));
    reader.place = seen.place;
  }

  async #timelineFrames(from: Place, to: Place): Promise<string[]> {
    if (to.timeline <= from.timeline) return [];
    const found = await this.timeline.after(from.timeline, STREAM_TIMELINE_MAX);
    // A row may have come since the look; it belongs to the next one.
    const items = found.filter(({ position }) => position <= to.timeline);
    return items.length === 0 ? [] : [this.#frame('timeline', items, to)];
  }

  async #decisionFrames(from: Place, to: Place): Promise<string[]> {
    if (to.event <= from.event) return [];
    const found = await this.repository.decisionsAfter(from.event);
    const items = found.filter(({ position }) => position <= to.event);
    if (items.length === 0) return [];
    return [this.#frame('decisions', { items, isCut: found.length >= STREAM_DECISIONS_MAX }, to)];
  }

  #frame(name: LiveEvent, value: unknown, place: Place): string {
    return frameOf({ name, value, place });
  }

  #writeAll(frame: string): void {
    for (const reader of this.#readers) if (reader.place !== null) this.#write(reader, frame);
  }

  #write({ out }: Reader, frame: string): void {
    if (out.destroyed) return;
    out.write(frame);
    if (out.writableLength > STREAM_BYTES_MAX) out.destroy();
  }
}
