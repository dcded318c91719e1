/**
 * Sends a reply to a device while it is being written: the first piece at once, further ones after 20 ms or 1 KiB. A lost
 * frame costs nothing: the whole reply comes with the answer. Frame 0 begins a reply anew.
 */
import { type DeviceId, REPLY_FRAME_BYTES, REPLY_FRAME_DELAY_MS, type Uuid } from '@nanofleet/protocol';
import type { CancelTimer, Clock } from '@nanofleet/runtime/ports';
import type { Link } from '../link/link.ts';

/** The frames of one reply. */
export class ReplyFrames {
  readonly #options: { link: Pick<Link, 'sendFrame'>; clock: Clock; device: DeviceId; decision: Uuid };
  #index = 0;
  #text = '';
  #cancel: CancelTimer | null = null;
  #isLost = false;

  constructor(options: { link: Pick<Link, 'sendFrame'>; clock: Clock; device: DeviceId; decision: Uuid }) {
    this.#options = options;
  }

  /** Takes a piece. */
  add(piece: string): void {
    this.#text += piece;
    if (this.#index === 0 || Buffer.byteLength(this.#text) >= REPLY_FRAME_BYTES) this.#flush();
    else this.#cancel ??= this.#options.clock.after(REPLY_FRAME_DELAY_MS, () => this.#flush());
  }

  /** The reply is whole. */
  end(): void {
    if (this.#index > 0) this.#send({ isLast: true });
  }

  /** There will be no more of it. */
  abandon(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#text = '';
  }

  #flush(): void {
    if (this.#text !== '') this.#send({ isLast: false });
  }

  #send({ isLast }: { isLast: boolean }): void {
    const { decision, device, link } = this.#options;
    const payload = Buffer.from(this.#text, 'utf8');
    const index = this.#index;
    this.abandon();
    this.#index += 1;
    if (this.#isLost) return;
    const frame = { kind: 'tokens', correlation: decision, index, isLast, payload } as const;
    link.sendFrame(device, { kind: 'offload/res' }, frame).catch(() => {
      // The device could not go on behind a gap; the answer itself is sent until it arrives.
      this.#isLost = true;
    });
  }
}
