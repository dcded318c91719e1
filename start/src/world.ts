/**
 * What the starter touches of its surroundings, as one port: time and streams. The real one is made in main.ts. Never
 * reached for elsewhere, so that every step can be tested without waiting.
 */

/** A stream that the starter writes to. */
export interface Sink {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Columns of the terminal; 100 when it has none. */
  readonly columns: number;
}

/** The surroundings of one run. */
export interface World {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Whether colours are wanted at all (NO_COLOR, TERM). */
  readonly colours: boolean;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  ticks(): number;
  sleep(milliseconds: number): Promise<void>;
  /** A signal that aborts after so many milliseconds. */
  deadline(milliseconds: number): AbortSignal;
  /** Calls back at an interval until the returned function is called. */
  every(milliseconds: number, call: () => void): () => void;
  /** What the children inherit. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}
