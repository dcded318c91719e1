/** Owns reading a delta from front to back, and what its writer puts between parts. Every length is checked before it is used. */
import { deltaInvalid } from './delta-invalid.ts';

/** Numbers as a delta holds them: uint32, little endian. */
export function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, at) => view.setUint32(at * 4, value, true));
  return bytes;
}

/** A place in a delta that moves on. */
export class DeltaReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.take(1)[0] ?? 0;
  }

  word(): number {
    this.take(4);
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** @throws NanofleetError `DELTA_INVALID` if fewer are left */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw deltaInvalid('it is cut off');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
