/**
 * What the command touches of its surroundings, as one port: terminal streams, environment, time. The real one is made
 * in main.ts; tests give their own. Never reached for elsewhere.
 */

/** A stream that the command writes to. */
export interface Sink {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Columns of the terminal; 80 when it has none. */
  readonly columns: number;
}

/** The surroundings of one run of the command. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Home directory of the user. */
  readonly home: string;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs a program on this terminal to its end; its exit code, or null when there is no such file. */
  run(file: string, args: readonly string[]): Promise<number | null>;
  sleep(milliseconds: number): Promise<void>;
  /** A signal that aborts after so many milliseconds. */
  deadline(milliseconds: number): AbortSignal;
}
