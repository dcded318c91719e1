/** What is wrong with the device at present, by code. Owns adding and clearing; whoever reports reads it. Bounded by the codes. */
import type { ErrorCode, NanofleetError } from '@nanofleet/protocol';

/** One present problem. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
}

const PROBLEMS_MAX = 32;

/** The present problems. */
export class Problems {
  readonly #byCode = new Map<ErrorCode, string>();
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  raise(error: NanofleetError): void {
    if (this.#byCode.get(error.code) === error.message) return;
    this.#byCode.set(error.code, error.message);
    this.#changed();
  }

  clear(code: ErrorCode): void {
    if (this.#byCode.delete(code)) this.#changed();
  }

  /** Raises a problem while there is an error of its kind, and clears it when there is none any more. */
  hold(code: ErrorCode, error: NanofleetError | null): void {
    if (error === null) this.clear(code);
    else this.raise(error);
  }

  /** The same for problems of which there is one at a time, known by how their codes begin. */
  holdOne(beginning: string, error: NanofleetError | null): void {
    for (const code of [...this.#byCode.keys()])
      if (code.startsWith(beginning) && code !== error?.code) this.clear(code);
    if (error !== null) this.raise(error);
  }

  list(): Problem[] {
    return [...this.#byCode].slice(0, PROBLEMS_MAX).map(([code, message]) => ({ code, message }));
  }
}
