/** Bounds of what waits on a device for its controller. */
import { KIB, MIB } from './units.ts';

/** One record in the outbox; a larger one is refused with RECORD_TOO_LARGE. */
export const OUTBOX_RECORD_BYTES_MAX = 16 * KIB;
/** One preallocated segment file. */
export const OUTBOX_SEGMENT_BYTES = 1 * MIB;
/** Segments of one class; at the bound the oldest segment of that class is dropped, counted and reported. */
export const OUTBOX_SEGMENTS_PER_CLASS_MAX = 8;
/** Records sent and not yet acknowledged; the device waits beyond (back-pressure). */
export const OUTBOX_WINDOW_RECORDS = 512;
/** Longest time between write(2) and fsync of a record, milliseconds. */
export const OUTBOX_SYNC_DELAY_MS = 20;
/** Outbound audit on the device; the oldest half is dropped beyond. */
export const OUTBOUND_LOG_BYTES_MAX = 4 * MIB;
