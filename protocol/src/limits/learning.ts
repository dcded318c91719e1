/** Bounds of learning on devices and of rounds there. */
import { KIB, MIB } from './units.ts';

/** Parameters that one update may hold; larger is refused with UPDATE_TOO_LARGE. */
export const UPDATE_PARAMETERS_MAX = 4 * MIB;
/** Bytes of one encoded update: a byte per parameter and its header. */
export const UPDATE_BYTES_MAX = UPDATE_PARAMETERS_MAX + 64 * KIB;
/** Bytes of a head file: four per parameter and its header. */
export const HEAD_FILE_BYTES_MAX = 4 * UPDATE_PARAMETERS_MAX + KIB;
/** Tensors of one update. */
export const UPDATE_TENSORS_MAX = 64;
/** Labels that a list may gain beyond the names of the bundle that runs. */
export const LABELS_ADDED_MAX = 64;
/** Examples kept on a device per line and label, its own corrections and bigger tiers' answers apart; beyond, chance decides which stay. */
export const EXAMPLES_PER_LABEL_MAX = 200;
/** Bytes of all texts of examples on a device; beyond, the label with most gives one up. */
export const EXAMPLES_BYTES_MAX = 1 * MIB;
/** Age at which an example is forgotten, milliseconds: half a year. */
export const EXAMPLE_AGE_MAX_MS = 182 * 86_400_000;
/** Bytes of the log of examples; where it cannot be written anew, nothing is learnt beyond. */
export const EXAMPLES_LOG_BYTES_MAX = 8 * MIB;
/** Bytes of the texts of decisions that a label can still refer to; the oldest are forgotten beyond. */
export const RECENT_TEXTS_BYTES_MAX = 512 * KIB;
/** Rounds that a device knows to be over; the oldest are forgotten beyond. */
export const ROUNDS_REMEMBERED_MAX = 64;
