/** Owns the error for everything that fails because there is no connection. */
import { NanofleetError } from '@nanofleet/protocol';

/** Said when a connection ends without any reason given. */
export const LINK_UNAVAILABLE_MESSAGE = 'the connection was closed';

/** LINK_UNAVAILABLE with what is known of the cause. */
export const linkUnavailable = (cause: unknown): NanofleetError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NanofleetError('LINK_UNAVAILABLE', `the broker could not be used: ${why}`, { cause });
};
