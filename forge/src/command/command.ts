// Owns what a command of `forge` is and the ports that it may use. It never names a command.

/** The world as commands see it. */
export interface CommandWorld {
  /** A line of result. */
  out(line: string): void;
  /** A line of progress or complaint. */
  note(line: string): void;
  /** Redraws the current line; only called when `isTerminal`. */
  redraw(line: string): void;
  readonly isTerminal: boolean;
  /** Monotonic milliseconds with fractions. */
  readonly nowMs: () => number;
}

/** What of a run every kind of recipe needs. */
export interface RecipeArguments {
  readonly recipePath: string;
  readonly data: string;
  readonly out: string;
  readonly teachers: string;
  readonly seed: number;
}

/** One command. `run` gets the arguments after its name; what it throws is reported with its code. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly help: string;
  run(args: readonly string[], world: CommandWorld): Promise<void>;
}
