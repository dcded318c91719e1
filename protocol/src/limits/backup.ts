/** Bounds of backups. */
import { MIB } from './units.ts';

/** A file of a controller's state, such as a key; a larger one is none of ours, and no backup is made with it. */
export const BACKUP_STATE_BYTES_MAX = 1 * MIB;
/** A part of a backup that is read as a whole: rows, state, the list of its members; a larger one is refused. */
export const BACKUP_PART_BYTES_MAX = 256 * MIB;

/** How long after a restore devices may come back that the backup did not know, milliseconds; a certificate lives as long. */
export const READMISSION_MS = 30 * 86_400_000;
