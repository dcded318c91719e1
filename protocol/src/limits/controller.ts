/** Bounds of the controller. */
import { KIB, MIB } from './units.ts';

/** Rows of one ingest transaction. */
export const INGEST_ROWS_MAX = 1_000;
/** Longest time that a row waits for its batch, milliseconds. */
export const INGEST_DELAY_MS = 20;
/** Messages in the ingest queue; beyond it the link stops reading (back-pressure to the broker). */
export const INGEST_QUEUE_MAX = 20_000;
/** Messages of one shard that wait for their commit; further ones stay at the broker. */
export const SHARD_UNACKNOWLEDGED_MAX = 1_250;
/** Messages to devices that wait for a connection to the broker; one more is refused, and logged by who sends it. */
export const SENDS_WAITING_MAX = 20_000;
/** Operator request body that is not a blob. */
export const API_BODY_BYTES_MAX = 1 * MIB;
/** Characters of a part of a path of the HTTP API: the longest names two digests. */
export const PATH_PART_CHARACTERS_MAX = 200;
/** Rows of one page of a listing. */
export const PAGE_ROWS_MAX = 500;
/** Blobs that a controller keeps in memory; one above a quarter of it is read from the disk each time. */
export const BLOB_CACHE_BYTES = 32 * MIB;
/** Part of a blob in one answer to an operator. */
export const BLOB_PART_BYTES_MAX = 256 * KIB;
/** Smaller files are always fetched whole: asking for a delta would cost as much. */
export const DELTA_FILE_BYTES_MIN = 4 * KIB;
/** Larger files, too: base, delta and result are in memory together. */
export const DELTA_FILE_BYTES_MAX = 16 * MIB;
/** A delta longer than this share of what would travel otherwise is not worth its work. */
export const DELTA_SHARE_MAX = 0.8;
/** Deltas that a controller keeps in memory, with those that were found not worth it; the one unused for longest leaves. */
export const DELTAS_KEPT_MAX = 64;
/** Lists of chunk hashes that a controller keeps in memory, 32 kB each at most; the one unused for longest leaves. */
export const CHUNK_LISTS_KEPT_MAX = 64;
/** Examples of a line that judge its rounds; more is refused. */
export const EXAMPLES_MAX = 20_000;
/** Rows of events that are kept; the oldest leave beyond, their tallies stay. */
export const EVENT_ROWS_MAX = 1_000_000;
/** Rows of offloads that are kept, likewise. */
export const OFFLOAD_ROWS_MAX = 100_000;
/** Answers that are sent again when a shard changes its controller; older ones are asked for by the device's birth. */
export const ANSWERED_LATELY_MAX = 1_000;
/** Offloads in work at once for one controller; further ones wait until their deadline. */
export const OFFLOADS_IN_WORK_MAX = 64;

/** Happenings of the timeline that are kept; the oldest leave beyond. */
export const TIMELINE_ROWS_MAX = 100_000;
/** Beats of a device that are kept in fine grain; a newer one takes the place of the oldest. */
export const BEATS_FINE_MAX = 120;
/** Beats of a device that are kept in coarse grain, likewise. */
export const BEATS_COARSE_MAX = 240;
/** Span of one row of the fleet's figures, milliseconds. */
export const FIGURES_STEP_MS = 10_000;
/** How long the fleet's figures are kept, milliseconds. */
export const FIGURES_KEPT_MS = 7 * 86_400_000;
/** Points of one answer about figures over time. */
export const FIGURE_POINTS_MAX = 480;
/** Sessions of browsers that one operator token may have; the oldest ends beyond. */
export const SESSIONS_PER_TOKEN_MAX = 16;
/** A session of a browser ends after this, milliseconds. */
export const SESSION_MS = 12 * 3_600_000;
/** A sign-in code is useless after this, milliseconds. */
export const SIGN_IN_CODE_MS = 15 * 60_000;
/** Streams of changes that one controller feeds at once; one more is refused with STREAMS_TOO_MANY. */
export const STREAMS_MAX = 100;
/** Bytes that wait for a slow reader of a stream; beyond it the stream is cut, and the reader comes back with its position. */
export const STREAM_BYTES_MAX = 256 * KIB;
/** Decisions in one event of a stream; older ones are left out, and the event says so. */
export const STREAM_DECISIONS_MAX = 50;
/** Happenings that a reader who comes back is told; older ones it reads from the timeline. */
export const STREAM_TIMELINE_MAX = 200;
