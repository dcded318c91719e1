/** Bounds of what local programs ask and say. */
import { KIB, MIB } from './units.ts';

/** UTF-8 bytes of one text; longer is refused with TEXT_TOO_LARGE. */
export const TEXT_BYTES_MAX = 4 * KIB;
/** Texts in one batch; more is refused with BATCH_TOO_LARGE. */
export const BATCH_ITEMS_MAX = 1_000;
/** Body of one local request that is not a stream; more is refused with BODY_TOO_LARGE. */
export const BODY_BYTES_MAX = 8 * MIB;
/** One line of an NDJSON stream; a longer one is reported as that line's error and skipped. */
export const STREAM_LINE_BYTES_MAX = 64 * KIB;
/** Sensor samples in one request; more is refused with BATCH_TOO_LARGE. */
export const SAMPLES_MAX = 20_000;
/** Local connections at once; more wait in the listen backlog. */
export const LOCAL_CONNECTIONS_MAX = 64;
/** Decisions remembered for late answers and labels; the oldest is forgotten beyond. */
export const DECISIONS_REMEMBERED_MAX = 4_096;
/** Words of one text that are explained; the later ones are not. Each costs a run of the model, 15 to 40 µs. */
export const EXPLAINED_WORDS_MAX = 32;
/** Pieces of one word that are tried for an explanation; the later ones are not. */
export const EXPLAINED_PIECES_MAX = 16;
/** N-grams that are tried on a model that finds entities, whose runs take 50 to 90 µs: those of the strongest word first. */
export const EXPLAINED_NGRAMS_TAGGING_MAX = 4;
/**
 * Feature rows that an explanation runs through the model before other decisions get their turn: ten runs for ten
 * words, one at a time for the longest texts. A turn of the event loop before each run costs a fifth of it.
 */
export const EXPLAINED_ROWS_TOGETHER_MAX = 1_500;
/** N-grams that an explanation names; those that contribute less are left out. */
export const EXPLANATION_NGRAMS_MAX = 8;
/** Bytes of a Unix socket path, by sun_path of Linux less its terminator. */
export const SOCKET_PATH_BYTES_MAX = 107;
