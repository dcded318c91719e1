/** Bounds of jobs. */

/**
 * Jobs of one device that are open at once. The controller gives it no further one, and a device takes no further one: it
 * knows every job that could be delivered again.
 */
export const JOBS_OPEN_MAX = 64;
/** Executions of one job on one device: the first and its retries. */
export const JOB_EXECUTIONS_MAX = 10;
/** An execution that a connected device has not ended is sent again after this, milliseconds. */
export const JOB_RESEND_MS = 30_000;
/** Longest time that one execution may take, from when it is asked for, milliseconds; then it has timed out. */
export const JOB_TIMEOUT_MAX_MS = 30 * 86_400_000;
