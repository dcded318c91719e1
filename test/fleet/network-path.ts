// The link of one device: whether it carries anything, and how long a message takes. Never knows what it carries.

/** A link. */
export class NetworkPath {
  isUp = true;
  /** Longest delay of a message, milliseconds. */
  delayMs = 80;
}
