/** Cuts bytes into lines. Owns the bytes of the line under way, at most as many as a line may have; a longer line is null. */

const NEWLINE = 0x0a;

/** One line, and how many bytes it took with its end; text is null for a line that was too long. */
export interface CutLine {
  readonly text: string | null;
  readonly bytes: number;
}

/** A stream of lines. */
export class LineCutter {
  readonly #bytesMax: number;
  #rest: Buffer = Buffer.alloc(0);
  #skipped = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The lines that are whole now. */
  push(chunk: Uint8Array): CutLine[] {
    const lines: CutLine[] = [];
    let rest = Buffer.concat([this.#rest, chunk]);
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      lines.push(this.#line(rest.subarray(0, end), end + 1));
      rest = rest.subarray(end + 1);
    }
    this.#rest = rest;
    if (rest.length > this.#bytesMax) {
      this.#skipped += rest.length;
      this.#rest = Buffer.alloc(0);
    }
    return lines;
  }

  /** The last line, which nothing ended; none when there is nothing. */
  end(): CutLine[] {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest.length + this.#skipped === 0 ? [] : [this.#line(rest, rest.length)];
  }

  #line(line: Buffer, bytes: number): CutLine {
    const isTooLong = this.#skipped > 0 || line.length > this.#bytesMax;
    const taken = this.#skipped + bytes;
    this.#skipped = 0;
    return { text: isTooLong ? null : line.toString('utf8').replace(/\r$/, ''), bytes: taken };
  }
}
