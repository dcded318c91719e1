/**
 * Longer bytes as frames, and back. Owns cutting and joining; never knows what the bytes are.
 */
import { NanofleetError } from './errors.ts';
import type { Frame, FrameKind } from './frames.ts';
import type { Uuid } from './ids.ts';
import { FRAME_PAYLOAD_BYTES_MAX } from './limits/wire.ts';

/** The frames of one stream, in order; one frame, the last, for no bytes. */
export const framesOf = (stream: {
  readonly kind: FrameKind;
  readonly correlation: Uuid;
  readonly bytes: Uint8Array;
}): Frame[] => {
  const { kind, correlation, bytes } = stream;
  const count = Math.max(1, Math.ceil(bytes.length / FRAME_PAYLOAD_BYTES_MAX));
  return Array.from({ length: count }, (_, index) => ({
    kind,
    correlation,
    index,
    isLast: index === count - 1,
    payload: bytes.subarray(index * FRAME_PAYLOAD_BYTES_MAX, (index + 1) * FRAME_PAYLOAD_BYTES_MAX),
  }));
};

/**
 * Joins the frames of one stream. Frames that come again (MQTT delivers at least once) change nothing; a gap cannot be:
 * one sender's messages keep their order, so a stream with a hole is refused and has to be sent anew from frame 0.
 */
export class FrameAssembly {
  readonly #bytesMax: number;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** @param bytesMax longer streams are refused */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes a frame; all bytes once the last one is there, else null.
   * @throws NanofleetError FRAME_MALFORMED for a hole, MESSAGE_TOO_LARGE beyond the limit
   */
  take(frame: Pick<Frame, 'index' | 'isLast' | 'payload'>): Uint8Array | null {
    if (frame.index === 0) this.#restart();
    if (frame.index > this.#pieces.length) throw hole(frame.index, this.#pieces.length);
    if (frame.index === this.#pieces.length) this.#add(frame.payload);
    return frame.isLast ? this.#join() : null;
  }

  #restart(): void {
    this.#pieces.length = 0;
    this.#bytes = 0;
  }

  #add(payload: Uint8Array): void {
    this.#bytes += payload.length;
    if (this.#bytes > this.#bytesMax) throw tooLong(this.#bytes, this.#bytesMax);
    this.#pieces.push(payload);
  }

  #join(): Uint8Array {
    const [only] = this.#pieces;
    if (this.#pieces.length === 1 && only !== undefined) return only;
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }
}

const hole = (index: number, expected: number) =>
  new NanofleetError('FRAME_MALFORMED', `frame ${index} of a stream came where ${expected} was due`);

const tooLong = (bytes: number, most: number) =>
  new NanofleetError(
    'MESSAGE_TOO_LARGE',
    `a stream of frames has ${bytes} bytes or more; ${most} are allowed`,
  );
