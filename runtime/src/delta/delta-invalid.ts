/** Owns the one refusal of deltas. */
import { NanofleetError } from '@nanofleet/protocol';

/** A delta that is damaged, or was made for another base. */
export const deltaInvalid = (why: string): NanofleetError =>
  new NanofleetError('DELTA_INVALID', `The delta was refused: ${why}.`);
