// How a campaign speaks with a device, whatever it is made of: lines for its shell. Owns no device.

/** What a command left. */
export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The shell of one device, as root. */
export interface DeviceShell {
  /** Runs a line to its end. */
  run(line: string): Promise<Said>;
  /** Starts a line that goes on. Returns what it has said until now. */
  start(line: string): () => string;
}
