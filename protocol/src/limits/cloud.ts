/** Bounds of questions to bigger models. */
import { KIB } from './units.ts';

/** Entities of one answer; an answer with more is not taken. */
export const ENTITIES_MAX = 16;
/** Characters (UTF-16 units) of one reply; an answer with a longer one is not taken. */
export const REPLY_CHARACTERS_MAX = 4_000;
/** Bytes of a reply that go into one frame before its time; at most this much more than a frame is kept back. */
export const REPLY_FRAME_BYTES = 1 * KIB;
/** Longest time that a piece of a reply waits for company, milliseconds; the first one does not wait. */
export const REPLY_FRAME_DELAY_MS = 20;
/** Bytes that are read of one answer of a provider; a longer one is given up. */
export const PROVIDER_ANSWER_BYTES_MAX = 256 * KIB;
/** Calls of one controller that a provider works on at once; further questions wait until their deadline. */
export const PROVIDER_CALLS_IN_WORK_MAX = 128;
/** Longest deadline of one question to a provider, milliseconds; a call without an end after twice that is settled. */
export const PROVIDER_DEADLINE_MAX_MS = 120_000;
/** Rows of the audit of calls that are kept; the oldest leave beyond, the days' sums stay. */
export const PROVIDER_CALL_ROWS_MAX = 100_000;
/** Names of proposed intents that are counted; a new one beyond is not, so that no text can fill the table. */
export const PROPOSALS_MAX = 1_000;
