/** One message of a source: its text, its value, when and where it came. Owns reading the text as JSON once. */

/** One message. */
export class SourceMessage {
  /** As it came, in UTF-8. */
  readonly text: string;
  /** Topic of a broker; null elsewhere. */
  readonly topic: string | null;
  /** Seconds on any clock that never goes back, when the message has no time of its own. */
  readonly seconds: number;
  #value: unknown;
  #isParsed = false;

  constructor(text: string, options: { seconds: number; topic?: string; value?: unknown }) {
    this.text = text;
    this.topic = options.topic ?? null;
    this.seconds = options.seconds;
    this.#isParsed = options.value !== undefined;
    this.#value = options.value;
  }

  /** The text as JSON, or what a reader made of it; undefined when it is no JSON. */
  get value(): unknown {
    if (this.#isParsed) return this.#value;
    this.#isParsed = true;
    try {
      this.#value = JSON.parse(this.text);
    } catch {
      // The caller counts it as malformed; the parser's words would quote it.
      this.#value = undefined;
    }
    return this.#value;
  }
}
