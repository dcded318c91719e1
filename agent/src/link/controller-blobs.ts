/**
 * The controller's blobs as a device takes them: over HTTP, over MQTT while that does not get through, begun at a chosen moment and no
 * faster than was agreed. Owns the choice and the pace; never a byte.
 */
import {
  BLOB_HTTP_REST_MS,
  type DesiredState,
  type NanofleetError,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Clock, Log, Random } from '@nanofleet/runtime/ports';
import type { BlobPiece, BlobSource } from '../ports/blob-source.ts';
import { pauseUnlessAborted } from './abortable-pause.ts';

/** How a device takes blobs. */
export interface TransferPace {
  /** A transfer begins at a random moment within so many milliseconds, so that a fleet does not come at once. */
  readonly spreadMs: number;
  /** Null: as fast as it goes. */
  readonly bytesPerSecond: number | null;
}

/** The pace that a device and its group agree on: the slower one. */
export const paceOf = (
  own: { readonly fetchBytesPerSecond?: number },
  desired: Pick<DesiredState, 'transfer'> | null,
): TransferPace => {
  const stated = desired?.transfer;
  const bounds = [own.fetchBytesPerSecond, stated?.bytesPerSecond].filter((bound) => bound !== undefined);
  return {
    spreadMs: stated?.spreadMs ?? 0,
    bytesPerSecond: bounds.length === 0 ? null : Math.min(...bounds),
  };
};

/** What it needs. */
export interface ControllerBlobsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly http: BlobSource;
  readonly mqtt: BlobSource;
  readonly pace: () => TransferPace;
}

type Range = Parameters<BlobSource['fetch']>[1];

const MICROS_PER_SECOND = 1e6;

/** Blobs of the controller. */
export class ControllerBlobs implements BlobSource {
  readonly #options: ControllerBlobsOptions;
  /** HTTP is left alone until then, monotonic microseconds. */
  #httpRestsUntil = 0;
  /** The pace allows the next piece then, monotonic microseconds. */
  #nextAt = 0;
  /** Pieces go one after the other: several lines share one pace. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ControllerBlobsOptions) {
    this.#options = options;
  }

  /** Waits for this device's moment. */
  async begin(signal: AbortSignal): Promise<void> {
    const { clock, pace, random } = this.#options;
    const { spreadMs } = pace();
    if (spreadMs > 0) await pauseUnlessAborted(clock, random.share() * spreadMs, signal);
    signal.throwIfAborted();
  }

  /** @throws NanofleetError as the sources do */
  fetch(name: string, range: Range): Promise<BlobPiece> {
    if (this.#options.pace().bytesPerSecond === null) return this.#fetchNow(name, range);
    const paced = this.#last.then(() => this.#fetchPaced(name, range));
    this.#last = paced.catch(() => undefined);
    return paced;
  }

  async #fetchPaced(name: string, range: Range): Promise<BlobPiece> {
    const { clock, pace } = this.#options;
    const waitMicros = this.#nextAt - clock.monotonicMicros();
    if (waitMicros > 0) await new Promise<void>((resolve) => clock.after(waitMicros / 1_000, resolve));
    const piece = await this.#fetchNow(name, range);
    const { bytesPerSecond } = pace();
    const costMicros =
      bytesPerSecond === null ? 0 : (piece.bytes.length / bytesPerSecond) * MICROS_PER_SECOND;
    this.#nextAt = Math.max(this.#nextAt, clock.monotonicMicros()) + costMicros;
    return piece;
  }

  async #fetchNow(name: string, range: Range): Promise<BlobPiece> {
    const { clock, http, mqtt } = this.#options;
    if (clock.monotonicMicros() < this.#httpRestsUntil) return this.#fetchByMqtt(name, range);
    try {
      return await http.fetch(name, range);
    } catch (thrown) {
      if (toNanofleetError(thrown).code !== 'CONTROLLER_UNREACHABLE') throw thrown;
      const piece = await mqtt.fetch(name, range).catch((other: unknown) => {
        throw worseOf(thrown, other);
      });
      this.#restHttp(toNanofleetError(thrown));
      return piece;
    }
  }

  async #fetchByMqtt(name: string, range: Range): Promise<BlobPiece> {
    try {
      return await this.#options.mqtt.fetch(name, range);
    } catch (thrown) {
      // Whatever is wrong there, HTTP may work again.
      if (toNanofleetError(thrown).isRetryable) this.#httpRestsUntil = 0;
      throw thrown;
    }
  }

  #restHttp({ message }: NanofleetError): void {
    const { clock, log } = this.#options;
    this.#httpRestsUntil = clock.monotonicMicros() + BLOB_HTTP_REST_MS * 1_000;
    log.info('blobs-over-mqtt', { why: message });
  }
}

/** What to say when neither way worked: a refusal of the controller, else that HTTP did not get through. */
const worseOf = (overHttp: unknown, overMqtt: unknown): unknown =>
  toNanofleetError(overMqtt).isRetryable ? overHttp : overMqtt;
