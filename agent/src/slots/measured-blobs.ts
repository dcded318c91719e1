/** A source of blobs that knows how much came from it, and how long that took. Counts; changes nothing. */
import type { Clock } from '@nanofleet/runtime/ports';
import type { BlobPiece, BlobSource } from '../ports/blob-source.ts';

/** Measures what is fetched from a source. */
export class MeasuredBlobs implements BlobSource {
  readonly #source: BlobSource;
  readonly #clock: Clock;
  #bytes = 0;
  #micros = 0;

  constructor(source: BlobSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** What came, and the time for which it was waited; pauses between two pieces do not count. */
  get taken(): { readonly bytes: number; readonly fetchMs: number } {
    return { bytes: this.#bytes, fetchMs: this.#micros / 1_000 };
  }

  async begin(signal: AbortSignal): Promise<void> {
    await this.#source.begin?.(signal);
  }

  async fetch(name: string, range: { from: number; length: number }): Promise<BlobPiece> {
    const beganMicros = this.#clock.monotonicMicros();
    const piece = await this.#source.fetch(name, range);
    this.#micros += this.#clock.monotonicMicros() - beganMicros;
    this.#bytes += piece.bytes.length + (piece.signature?.length ?? 0);
    return piece;
  }
}
